import type { CreateMemory } from '@memoric/contracts/memory-contract.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { draftMemory, type MemoryDraft } from '../memories/memory-draft.ts'
import { type MemoryRow, tidyImportance } from '../memories/memory-row.ts'
import type { DraftWrite } from '../memories/write-queue.ts'
import { derivedProvenance } from '../provenance/provenance.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { PolicyDeps } from './policy-deps.ts'
import type { RunState } from './run-state.ts'
import type { SummaryText } from './summarise-rows.ts'

/** What tells a summary from other memories, in its metadata. */
export const SUMMARY_KIND = 'summary'

/** The memory that is a summary of others: where they are, as old as the newest of them, as important as the most important. */
export function draftSummary(
  deps: Pick<PolicyDeps, 'now'>,
  { context }: RunState,
  keys: SubjectKeys,
  place: SubjectPlace,
  rows: readonly MemoryRow[],
  { content, method, topic, category }: SummaryText,
): MemoryDraft {
  const newest = rows.reduce((latest, row) => Math.max(latest, row.occurred_at.getTime()), -Infinity)
  const [first] = rows
  if (first === undefined) throw new RangeError('a summary of nothing')
  const input: CreateMemory = {
    content,
    subject_id: place.subjectId,
    namespace: first.namespace,
    ...(first.thread_id !== null && { thread_id: first.thread_id }),
    ...(topic !== null && { topic }),
    ...(category !== null && { category }),
    tier: first.tier,
    importance: tidyImportance(Math.max(...rows.map(({ importance }) => importance))),
    occurred_at: new Date(newest).toISOString(),
    metadata: { kind: SUMMARY_KIND, method, source_ids: rows.map(({ id }) => id) },
    on_duplicate: 'create',
  }
  return draftMemory(context.caller, input, keys, deps.now(), undefined, derivedProvenance(context.caller, rows))
}

/** The event of a summary, which names what it stands for. */
export function summaryEvents(
  deps: Pick<PolicyDeps, 'events'>,
  { context, run }: RunState,
  draft: MemoryDraft,
  rows: readonly MemoryRow[],
): DraftWrite {
  const details = { run_id: run.id, subject_id: draft.subjectId, memory_ids: rows.map(({ id }) => id) }
  const input = { type: 'memory.summarised' as const, context, resourceId: draft.id, statusCode: null, details }
  const [made, reinforced] = deps.events.alternatives(input, { type: 'memory.reinforced', statusCode: null })
  return { draft, made, reinforced }
}
