import { MEMORY_LIMITS, type CreateMemory } from '@memoric/contracts/memory-contract.ts'
import { MERGED_KIND } from '@memoric/contracts/merge-contract.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { type MemoryRow, tidyImportance } from '../memories/memory-row.ts'
import type { PrivateAttributes } from '../memories/private-attributes.ts'
import { SUMMARY_KIND } from '../policies/summary-draft.ts'

export interface Mergeable {
  readonly row: MemoryRow
  readonly attributes: PrivateAttributes
}

/** Whether a memory is a summary, or was merged of others. */
export function standsForOthers({ metadata }: Pick<PrivateAttributes, 'metadata'>): boolean {
  const { kind, source_ids: ids } = metadata
  return (kind === SUMMARY_KIND || kind === MERGED_KIND) && Array.isArray(ids)
}

/** Throws AppError `rule_violated` unless all of these may be merged into the first. */
export function requireMergeable([first, ...others]: readonly Mergeable[]): void {
  if (first === undefined) return
  for (const [at, { row, attributes }] of [first, ...others].entries()) {
    const pointer = at === 0 ? 'path/id' : `/sources/${at - 1}`
    const fault = faultOf(first.row, row, attributes)
    if (fault !== null) throw new AppError('rule_violated', { errors: [{ pointer, message: fault }] })
  }
}

function faultOf(first: MemoryRow, row: MemoryRow, attributes: PrivateAttributes): string | null {
  if (row.subject_id !== first.subject_id) return 'must be of the same subject'
  if (row.namespace !== first.namespace) return 'must be in the same namespace'
  if (row.summarised_by !== null) return 'is part of a summary or of a merged memory already'
  if (row.standing < 1) return 'must neither be withheld nor count less'
  return standsForOthers(attributes) ? 'must not be a summary or a merged memory' : null
}

/** The memory that stands for all of these: it says what the first says, and has what any of them has. */
export function mergedMemory(all: readonly Mergeable[]): CreateMemory {
  const [first] = all
  if (first === undefined) throw new RangeError('a merge of nothing')
  const { row, attributes } = first
  const { role, speaker, topic, category, content } = attributes
  const threads = new Set(all.map((each) => each.row.thread_id))
  const entities = new Set(all.flatMap((each) => each.attributes.entities))
  const tags = new Set(all.flatMap((each) => each.attributes.tags))
  const latest = Math.max(...all.map((each) => each.row.occurred_at.getTime()))
  return {
    content,
    subject_id: row.subject_id,
    namespace: row.namespace,
    ...(row.thread_id !== null && threads.size === 1 && { thread_id: row.thread_id }),
    ...(role !== null && { role }),
    ...(speaker !== null && { speaker }),
    ...(topic !== null && { topic }),
    ...(category !== null && { category }),
    entities: [...entities].slice(0, MEMORY_LIMITS.entities),
    tags: [...tags].slice(0, MEMORY_LIMITS.tags),
    tier: row.tier,
    importance: tidyImportance(Math.max(...all.map((each) => each.row.importance))),
    occurred_at: new Date(latest).toISOString(),
    metadata: { ...attributes.metadata, kind: MERGED_KIND, source_ids: all.map((each) => each.row.id) },
    on_duplicate: 'create',
  }
}
