import type { CreateMemory, Memory } from '@memoric/contracts/memory-contract.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { draftMemory, subjectOfDraft, type MemoryDraft } from './memory-draft.ts'
import { insertMemories, lockSubjects, reinforceMemories, saveCounters, selectDuplicates } from './memory-repository.ts'
import { memoryView, openRow, tidyImportance, type MemoryRow } from './memory-row.ts'
import { planWrites, type Fate, type Insertion, type WritePlan } from './plan-writes.ts'

export interface Written {
  readonly memory: Memory
  /** False when the content was known and its memory was reinforced. */
  readonly made: boolean
}

/**
 * Writes memories in one transaction with their events: all of them or none.
 * Throws AppError `subject_not_allowed`, `namespace_not_allowed`.
 */
export async function writeMemories(
  deps: MemoryDeps,
  context: RequestContext,
  inputs: readonly CreateMemory[],
): Promise<Written[]> {
  const drafts = await draftAll(deps, context, inputs)
  const { plan, reinforced } = await commit(deps, context, drafts)
  deps.relay.wake()
  const rows = new Map(reinforced.map((row) => [row.id as string, row]))
  const inserted = new Map(plan.insertions.map((insertion) => [insertion.draft.id as string, insertion]))
  return Promise.all(plan.fates.map((fate) => written(deps, context, fate, inserted.get(fate.id), rows.get(fate.id))))
}

/** Seals each input under the keys of its subject; the order of the inputs stays. */
async function draftAll(deps: MemoryDeps, { caller }: RequestContext, inputs: readonly CreateMemory[]) {
  const now = deps.now()
  const subjects = inputs.map((input) => subjectOfDraft(caller, input))
  const drafts = new Array<MemoryDraft>(inputs.length)
  for (const subject of new Set(subjects)) {
    await deps.keys.forWriting(caller.tenantId, subject, (keys) => {
      for (const [at, input] of inputs.entries()) {
        if (subjects[at] === subject) drafts[at] = draftMemory(caller, input, keys, now)
      }
    })
  }
  return drafts
}

async function commit(deps: MemoryDeps, context: RequestContext, drafts: readonly MemoryDraft[]) {
  const { tenantId } = context.caller
  const subjects = [...new Set(drafts.map((draft) => draft.subjectId))].sort()
  return tenantTransaction(deps.sql, scopeOf(context.caller), async (tx) => {
    // Sent together; the second sees what others committed before the lock of the first was granted.
    const [counters, duplicates] = await Promise.all([
      lockSubjects(tx, tenantId, subjects),
      selectDuplicates(tx, tenantId, drafts),
    ])
    const plan = planWrites(drafts, counters, duplicates)
    const [reinforced] = await Promise.all([
      plan.reinforcements.length > 0 ? reinforceMemories(tx, tenantId, plan.reinforcements) : [],
      ...execute(tx, deps, context, drafts, plan),
    ])
    return { plan, reinforced: reinforced as MemoryRow[] }
  })
}

function execute(tx: Tx, deps: MemoryDeps, context: RequestContext, drafts: readonly MemoryDraft[], plan: WritePlan) {
  const { tenantId } = context.caller
  const events = plan.fates.map((fate, at) => eventOf(deps, context, fate, drafts[at]))
  return [
    ...(plan.insertions.length > 0 ? [insertMemories(tx, tenantId, plan.insertions)] : []),
    saveCounters(tx, tenantId, plan.counters),
    outboxInsert(tx, events),
  ]
}

function eventOf(deps: MemoryDeps, context: RequestContext, fate: Fate, draft: MemoryDraft | undefined): OutboxEvent {
  return deps.events({
    type: fate.made ? 'memory.created' : 'memory.reinforced',
    context,
    resourceId: fate.id,
    statusCode: fate.made ? 201 : 200,
    details: {
      subject_id: draft?.subjectId ?? null,
      namespace: draft?.namespace ?? null,
      thread_id: draft?.threadId ?? null,
      session_id: draft?.sessionId ?? null,
      tier: draft?.tier ?? null,
    },
  })
}

async function written(
  deps: MemoryDeps,
  { caller }: RequestContext,
  { made }: Fate,
  insertion: Insertion | undefined,
  row: MemoryRow | undefined,
): Promise<Written> {
  if (insertion) return { memory: viewOf(caller.tenantId, insertion), made }
  if (row === undefined) throw new Error('a draft that became nothing')
  const memory = await deps.keys.forWriting(row.tenant_id, row.subject_id, (keys) =>
    memoryView(row, openRow(keys, row)),
  )
  return { memory, made }
}

function viewOf(tenantId: MemoryRow['tenant_id'], { draft, seq, change, seenCount }: Insertion): Memory {
  const row: MemoryRow = {
    tenant_id: tenantId,
    id: draft.id,
    subject_id: draft.subjectId,
    namespace: draft.namespace,
    thread_id: draft.threadId,
    session_id: draft.sessionId,
    seq,
    change,
    version: 1,
    tier: draft.tier,
    importance: tidyImportance(draft.importance),
    seen_count: seenCount,
    occurred_at: draft.occurredAt,
    created_at: draft.createdAt,
    updated_at: draft.createdAt,
    expires_at: draft.expiresAt,
    sealed: draft.sealed,
  }
  return memoryView(row, draft.attributes)
}
