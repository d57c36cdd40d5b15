import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { openRow } from '../memories/memory-row.ts'
import { buildSegment } from './build-segment.ts'
import { type IndexDocument, indexDocument } from './index-document.ts'
import { mergeSegments } from './merge-segments.ts'
import type { SearchDeps } from './search-deps.ts'
import type { Coverage, Segment } from './segment-format.ts'
import { type IndexRow, scopeOfIndex, selectInterval, type SubjectPlace } from './segment-repository.ts'
import type { TermSeed } from './term-hash.ts'

/** Memories that one query reads: opening them takes some milliseconds, after which others have their turn. */
export const CHUNK = 500

/** Opens rows for the index; none of a subject whose keys are gone. */
export async function openDocuments(
  { keys }: SearchDeps,
  { tenantId, subjectId }: SubjectPlace,
  rows: readonly IndexRow[],
): Promise<IndexDocument[]> {
  if (rows.length === 0) return []
  const whose = { tenant_id: tenantId, subject_id: subjectId }
  return keys.forReading(tenantId, subjectId, (subjectKeys) => {
    if (subjectKeys === null) return []
    return rows.map((row) => indexDocument(row, openRow(subjectKeys, { ...row, ...whose })))
  })
}

/** A segment of the memories that changed last within an interval, from their rows. */
export async function readSegment(
  deps: SearchDeps,
  place: SubjectPlace,
  seed: TermSeed,
  { fromChange, toChange }: Coverage,
): Promise<Segment> {
  const segments: Segment[] = []
  for (let since = fromChange; since < toChange;) {
    const [rows] = await tenantFlight(deps.sql, scopeOfIndex(place), (tx) => [
      selectInterval(tx, place, since, toChange, CHUNK),
    ])
    const until = rows.length < CHUNK ? toChange : (rows.at(-1)?.change ?? toChange)
    const documents = await openDocuments(deps, place, rows)
    segments.push(buildSegment(documents, seed, { fromChange: since, toChange: until }))
    since = until
  }
  const [only] = segments
  if (only !== undefined && segments.length === 1) return only
  return mergeSegments(segments.map((segment) => ({ segment, dead: new Uint8Array(segment.documents) })))
}
