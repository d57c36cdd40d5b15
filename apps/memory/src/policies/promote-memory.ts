import type { Tier } from '@memoric/contracts/memory-contract.ts'
import type { PolicyDocument } from '@memoric/contracts/policy-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { findMemory, withKeysOf } from '../memories/find-memory.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { lockSubjects } from '../memories/subject-lock-repository.ts'
import { type MemoryRow, memoryView, openRow } from '../memories/memory-row.ts'
import { consentFor } from '../privacy/consent-rules.ts'
import { hasExpiryOfTier } from './judge-memory.ts'
import { moveMemories } from './page-repository.ts'

type Promote = RouteTable['promoteMemory']

/**
 * Moves a memory to a later tier; one that is there already stays as it is. Throws AppError `memory_not_found`, `consent_withdrawn`,
 * `rule_violated`.
 */
export async function promoteMemory(
  deps: MemoryDeps,
  { params, body, context }: Call<Promote>,
): Promise<RouteOutput<Promote>> {
  const { caller } = context
  const found = await findMemory(deps, context, params.id)
  const { document } = await deps.policies.of(caller.tenantId)
  const place = { tenantId: found.tenant_id, subjectId: found.subject_id }
  const memory = await withKeysOf(deps, found, async (keys) => {
    const row = await tenantTransaction(deps.sql, scopeOf(caller), async (tx) => {
      const [, [locked]] = await Promise.all([
        lockSubjects(tx, place.tenantId, [
          { subjectId: place.subjectId, keyVersion: null, consent: consentFor(caller) },
        ]),
        selectMemories(tx, place.tenantId, [found.id]),
      ])
      if (locked === undefined) throw new AppError('memory_not_found')
      const to = targetOf(document, locked, body.to)
      if (to === locked.tier) return locked
      const judged = { ...locked, recalls: 0 }
      await moveMemories(tx, place, [{ id: locked.id, to, losesExpiry: hasExpiryOfTier(document, judged) }])
      const details = { subject_id: place.subjectId, from: locked.tier, to }
      const told = { type: 'memory.promoted' as const, context, resourceId: locked.id, statusCode: 200, details }
      const [[moved]] = await Promise.all([
        selectMemories(tx, place.tenantId, [found.id]),
        outboxInsert(tx, [deps.events(told)]),
      ])
      return moved ?? locked
    })
    return memoryView(row, openRow(keys, row))
  })
  deps.relay.wake()
  return { status: 200, body: memory, headers: { etag: `"${memory.version}"` } }
}

/** Throws AppError `rule_violated` for an earlier tier, or one that the policy does not have. */
function targetOf({ tiers }: PolicyDocument, { tier }: MemoryRow, asked: Tier | undefined): Tier {
  const names = tiers.map(({ name }) => name)
  const from = tiers.findIndex(({ name, takes }) => name === tier || takes.includes(tier))
  if (asked === undefined) return names[from + 1] ?? tier
  const to = names.indexOf(asked)
  const fault = to === -1 ? 'must be one of the tiers of the policy' : to < from ? `must not come before ${tier}` : null
  if (fault !== null) throw new AppError('rule_violated', { errors: [{ pointer: '/to', message: fault }] })
  return asked
}
