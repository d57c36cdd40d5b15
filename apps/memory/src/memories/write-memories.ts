import type { CreateMemory, Memory } from '@memoric/contracts/memory-contract.ts'
import type { QuotaName } from '@memoric/contracts/quota-contract.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { Claim } from '../idempotency/idempotency-repository.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { routeMemory } from '../policies/route-memory.ts'
import { draftMemory, subjectOfDraft, type MemoryDraft } from './memory-draft.ts'
import { memoryView, openRow } from './memory-row.ts'
import { withFreshKeysOf } from './stale-keys.ts'
import type { DraftWrite, WrittenDraft } from './write-queue.ts'

/** A memory as it is after a write. */
export interface Written {
  readonly memory: Memory
  /** False when the content was known and its memory was reinforced. */
  readonly made: boolean
}

/** What became of an input. */
export type WriteResult = Written | { readonly refused: QuotaName }

/**
 * Writes memories in one transaction with their events, but for those that do not fit into a quota; keeps under the claim what became
 * of them. Throws AppError `subject_not_allowed`, `namespace_not_allowed`, `write_conflict`, and a unique violation for a claim
 * that is kept already; nothing is written then.
 */
export async function writeMemories(
  deps: MemoryDeps,
  context: RequestContext,
  inputs: readonly CreateMemory[],
  claim: Claim | null = null,
): Promise<WriteResult[]> {
  const fates = await withFreshKeysOf(deps, context, inputs, async () =>
    deps.writes.write(scopeOf(context.caller), await draftAll(deps, context, inputs), claim),
  )
  deps.relay.wake()
  noteChanges(
    deps,
    fates.flatMap((fate) => ('refused' in fate ? [] : [fate])),
  )
  return Promise.all(fates.map(async (fate) => ('refused' in fate ? fate : await written(deps, fate))))
}

function noteChanges(deps: MemoryDeps, fates: readonly WrittenDraft[]): void {
  for (const [subjectId, written] of Map.groupBy(fates, ({ row }) => row.subject_id)) {
    const tenantId = written[0]?.row.tenant_id
    const changes = written.map(({ row }) => row.change)
    if (tenantId !== undefined) deps.indexes.changed({ tenantId, subjectId }, changes)
  }
}

/** Seals each input under the keys of its subject; the order of the inputs stays. */
async function draftAll(
  deps: MemoryDeps,
  context: RequestContext,
  inputs: readonly CreateMemory[],
): Promise<DraftWrite[]> {
  const { caller } = context
  const now = deps.now()
  const policy = await deps.policies.of(caller.tenantId)
  const subjects = inputs.map((input) => subjectOfDraft(caller, input))
  const writes = new Array<DraftWrite>(inputs.length)
  const draft = (subject: string, keys: SubjectKeys): void => {
    for (const [at, input] of inputs.entries()) {
      if (subjects[at] === subject)
        writes[at] = withEvents(deps, context, draftMemory(caller, routeMemory(policy, input, now), keys, now))
    }
  }
  for (const subject of new Set(subjects)) {
    await deps.keys.forWriting(caller.tenantId, subject, (keys) => draft(subject, keys))
  }
  return writes
}

function withEvents(deps: MemoryDeps, context: RequestContext, draft: MemoryDraft): DraftWrite {
  const { id, subjectId, namespace, threadId, sessionId, tier } = draft
  const details = { subject_id: subjectId, namespace, thread_id: threadId, session_id: sessionId, tier }
  const [made, reinforced] = deps.events.alternatives(
    { type: 'memory.created', context, resourceId: id, statusCode: 201, details },
    { type: 'memory.reinforced', statusCode: 200 },
  )
  return { draft, made, reinforced }
}

async function written(deps: MemoryDeps, { row, made, origin }: WrittenDraft): Promise<Written> {
  if (origin !== undefined) return { memory: memoryView(row, origin.attributes), made }
  const { sealed } = row
  if (sealed === null) throw new Error('a row without its box')
  const memory = await deps.keys.forWriting(row.tenant_id, row.subject_id, (keys) =>
    memoryView(row, openRow(keys, { ...row, sealed })),
  )
  return { memory, made }
}
