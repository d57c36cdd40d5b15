import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { REPLAYED } from '../idempotency/idempotency.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { requireTierToWrite } from '../policies/require-tier.ts'
import { requireConsent } from '../privacy/require-consent.ts'
import { quotaExceeded } from '../quotas/quota-rules.ts'
import { answersAgain } from './answers-again.ts'
import { subjectOfDraft } from './memory-draft.ts'
import { writeMemories, type Written } from './write-memories.ts'

type Create = RouteTable['createMemory']

/**
 * Stores one memory, or reinforces the one that has the same content. Throws AppError `consent_required`, `consent_withdrawn`, `rule_violated`, `quota_exceeded`, `idempotency_key_reused`,
 * `memory_gone`, and as writeMemories.
 */
export async function createMemory(
  deps: MemoryDeps,
  { body, headers, context }: Call<Create>,
): Promise<RouteOutput<Create>> {
  const key = headers['idempotency-key']
  const subjectId = subjectOfDraft(context.caller, body)
  await requireConsent(deps, context.caller, subjectId)
  return deps.idempotency.run(
    { context, key, text: key === undefined ? '' : JSON.stringify(body), subjectId },
    {
      first: async (claim) => {
        await requireTierToWrite(deps, context.caller.tenantId, body.tier)
        const [result] = await writeMemories(deps, context, [body], claim)
        if (result === undefined) throw new Error('a memory that was not written')
        if ('refused' in result) throw quotaExceeded(result.refused)
        return answerOf(result)
      },
      again: async (kept) => {
        const [result] = await answersAgain(deps, context, kept)
        if (result === undefined || 'refused' in result) throw new Error('a request that was kept without a memory')
        if ('gone' in result) throw new AppError('memory_gone', { detail: result.gone, headers: REPLAYED })
        return answerOf(result, REPLAYED)
      },
    },
  )
}

function answerOf({ memory, made }: Written, more: Readonly<Record<string, string>> = {}): RouteOutput<Create> {
  return { status: made ? 201 : 200, body: memory, headers: { location: `/v1/memories/${memory.id}`, ...more } }
}
