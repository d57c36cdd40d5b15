import type { Problem } from '@memoric/contracts/error-codes.ts'
import { createMemoryBody, DEFAULT_NAMESPACE, type CreateMemory } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { namespaceFor } from '@memoric/service/caller-limits.ts'
import { faults, type Call } from '@memoric/service/implement-routes.ts'
import { problemOf } from '@memoric/service/problem.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { REPLAYED } from '../idempotency/idempotency.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import type { Policy } from '../policies/policy.ts'
import { requireTier } from '../policies/require-tier.ts'
import { consentFaults } from '../privacy/require-consent.ts'
import { provenanceOf } from '../provenance/provenance.ts'
import { quotaExceeded } from '../quotas/quota-rules.ts'
import { answersAgain, type RepeatedResult } from './answers-again.ts'
import { subjectOfDraft } from './memory-draft.ts'
import { writeMemories } from './write-memories.ts'

type CreateMany = RouteTable['createMemories']

/**
 * Stores the good items in one transaction; each bad one, each without consent, and each that does not fit into a quota, is answered
 * with its own problem.
 * Throws AppError `idempotency_key_reused`, and as writeMemories.
 */
export async function createMemories(
  deps: MemoryDeps,
  { body, headers, context }: Call<CreateMany>,
): Promise<RouteOutput<CreateMany>> {
  const policy = await deps.policies.of(context.caller.tenantId)
  const judged = await judgeConsents(
    deps,
    context,
    body.items.map((item) => judge(context, policy, item)),
  )
  const good = judged.filter((item): item is CreateMemory => !('code' in item))
  const answer = (results: readonly RepeatedResult[]): RouteOutput<CreateMany> => {
    let next = 0
    const items = judged.map((item) => ('code' in item ? refused(item) : answered(context, results[next++])))
    return { status: 200, body: { items } }
  }
  if (good.length === 0) return answer([])
  const key = headers['idempotency-key']
  const subjects = key === undefined ? {} : subjectsOf(context, body, judged)
  const request = { context, key, text: key === undefined ? '' : textOf(body, judged), subjectId: null, ...subjects }
  return deps.idempotency.run(request, {
    first: async (claim) => answer(await writeMemories(deps, context, good, claim)),
    again: async (kept) => ({ ...answer(await answersAgain(deps, context, kept)), headers: REPLAYED }),
  })
}

/** The items, and why some were bad: what is allowed may change with the credential. */
function textOf(body: Call<CreateMany>['body'], judged: readonly (CreateMemory | Problem)[]): string {
  return JSON.stringify(judged.map((item, at) => ('code' in item ? [item.code, body.items[at]] : item)))
}

/** Whom the items are about, bad ones too. */
function subjectsOf(
  { caller }: RequestContext,
  body: Call<CreateMany>['body'],
  judged: readonly (CreateMemory | Problem)[],
): { readonly subjectId: string | null; readonly subjectIds: readonly string[] } {
  const ids = judged.flatMap((item, at) => ('code' in item ? namedIn(body.items[at]) : subjectOfDraft(caller, item)))
  const [first, ...others] = new Set(ids)
  if (others.length === 0) return { subjectId: first ?? null, subjectIds: [] }
  return { subjectId: null, subjectIds: [...new Set(ids)] }
}

function namedIn(item: unknown): string[] {
  const isObject = typeof item === 'object' && item !== null && 'subject_id' in item
  // What a text column cannot hold is the id of no subject.
  const isId = isObject && typeof item.subject_id === 'string' && !item.subject_id.includes('\0')
  return isId ? [String(item.subject_id).slice(0, 255)] : []
}

/** The same items, but for those whose subject must not be written for. */
async function judgeConsents(
  deps: MemoryDeps,
  context: RequestContext,
  judged: readonly (CreateMemory | Problem)[],
): Promise<(CreateMemory | Problem)[]> {
  const { caller } = context
  const subjects = judged.flatMap((item) => ('code' in item ? [] : subjectOfDraft(caller, item)))
  const faults = await consentFaults(deps, caller, subjects)
  return judged.map((item) => {
    const fault = 'code' in item ? undefined : faults.get(subjectOfDraft(caller, item))
    return fault === undefined ? item : problemFor(context, new AppError(fault))
  })
}

function judge(context: RequestContext, { document }: Policy, item: unknown): CreateMemory | Problem {
  const parsed = createMemoryBody.safeParse(item)
  if (!parsed.success) return problemFor(context, new AppError('validation_failed', { errors: faults(parsed.error) }))
  try {
    subjectOfDraft(context.caller, parsed.data)
    provenanceOf(context.caller, parsed.data)
    requireTier(document, parsed.data.tier, '/tier')
    namespaceFor(context.caller, parsed.data.namespace, DEFAULT_NAMESPACE)
    return parsed.data
  } catch (error) {
    if (error instanceof AppError) return problemFor(context, error)
    throw error
  }
}

function problemFor({ caller }: RequestContext, error: AppError): Problem {
  return problemOf(error, caller.requestId)
}

function refused(problem: Problem) {
  return { status: problem.status, problem }
}

function answered(context: RequestContext, result: RepeatedResult | undefined) {
  if (result === undefined) throw new Error('an item that was not written')
  if ('refused' in result) return refused(problemFor(context, quotaExceeded(result.refused)))
  if ('gone' in result) return refused(problemFor(context, new AppError('memory_gone', { detail: result.gone })))
  return { status: result.made ? 201 : 200, memory: result.memory }
}
