import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { CHUNK, openDocuments } from './read-documents.ts'
import type { SearchDeps } from './search-deps.ts'
import {
  type ChangedRow,
  type IndexRow,
  scopeOfIndex,
  selectChanges,
  selectDeletions,
  type SubjectPlace,
} from './segment-repository.ts'
import type { SubjectIndex } from './subject-index.ts'

/**
 * Takes in every change that was committed before the call. `deletionsFrom` is the change after which deletions may be missing from
 * the index. False when the index is of a subject that is gone, or was made anew since: it must be loaded again.
 */
export async function catchUp(
  deps: SearchDeps,
  place: SubjectPlace,
  index: SubjectIndex,
  deletionsFrom = index.change,
): Promise<boolean> {
  for (;;) {
    const [rows] = await tenantFlight(deps.sql, scopeOfIndex(place), (tx) => [
      selectChanges(tx, place, index.change, CHUNK),
    ])
    const { subject_since: since = null, last_change: last = 0 } = rows[0] ?? {}
    if ((since?.getTime() ?? null) !== index.subjectSince) return false
    if (last <= index.change) return last === index.change
    const changed = rows.filter(isMemory)
    const isComplete = changed.length < CHUNK
    const toChange = isComplete ? last : (changed.at(-1)?.change ?? last)
    const [deleted, documents] = await Promise.all([
      readDeletions(deps, place, index.change, toChange, changed.length, deletionsFrom),
      openDocuments(deps, place, changed),
    ])
    index.take(documents, deleted, toChange)
    if (isComplete) return true
  }
}

function isMemory(row: ChangedRow): row is ChangedRow & IndexRow {
  return row.id !== null
}

/** Every change is the last one of a memory, was overtaken by another one, or deleted a memory: often it is clear that none did. */
async function readDeletions(
  { sql }: SearchDeps,
  place: SubjectPlace,
  since: number,
  until: number,
  memories: number,
  deletionsFrom: number,
): Promise<string[]> {
  const from = Math.max(since, deletionsFrom)
  if (memories === until - since || from >= until) return []
  const [rows] = await tenantFlight(sql, scopeOfIndex(place), (tx) => [selectDeletions(tx, place, from)])
  return rows.map(({ memory_id }) => memory_id)
}
