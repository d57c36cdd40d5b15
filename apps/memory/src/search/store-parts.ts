import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { createPart, type IndexPart, wipePart } from './index-part.ts'
import { idWords } from './memory-ids.ts'
import { mergeSegments } from './merge-segments.ts'
import { rebuiltEvent } from './rebuilt-event.ts'
import { sealSegment } from './seal-segment.ts'
import type { SearchDeps } from './search-deps.ts'
import type { Segment } from './segment-format.ts'
import {
  deleteSegments,
  insertSegment,
  lockSegments,
  scopeOfIndex,
  type SealedSegment,
  selectDeletions,
  selectSegmentIds,
  selectSubjectState,
  type SubjectPlace,
} from './segment-repository.ts'
import type { SubjectIndex } from './subject-index.ts'
import { bury, carryDeaths } from './supersede.ts'

/**
 * Stores neighbouring parts of an index as one segment, in the place of those of them that are stored. False when the stored
 * segments, or the key of the subject, are not those that this process knows: the index must be loaded again.
 */
export async function storeParts(
  deps: SearchDeps,
  place: SubjectPlace,
  index: SubjectIndex,
  parts: readonly IndexPart[],
): Promise<boolean> {
  const before = parts.map(({ dead }) => dead.slice())
  for (const part of parts) part.busy = true
  const merged = createPart(mergeSegments(parts))
  try {
    const stored = await store(deps, place, index, parts, merged.segment)
    if (stored !== null) putInPlace(index, parts, before, stored)
    if (stored?.segment !== merged.segment) wipePart(merged)
    return stored !== null
  } catch (error) {
    wipePart(merged)
    throw error
  } finally {
    for (const part of parts) part.busy = false
  }
}

interface StoredSegment {
  readonly segment: Segment
  readonly storedId: string
}

function store(
  deps: SearchDeps,
  place: SubjectPlace,
  index: SubjectIndex,
  parts: readonly IndexPart[],
  merged: Segment,
): Promise<StoredSegment | null> {
  const { change } = index
  return deps.keys.forReading(place.tenantId, place.subjectId, (keys) => {
    if (keys === null) return null
    const key = keys.index.current()
    return tenantTransaction(deps.sql, scopeOfIndex(place), async (tx) => {
      const found = await readState(tx, place, change)
      if (found.keyVersion !== key.id) deps.keys.forgetSubject(place.tenantId, place.subjectId)
      if (found.keyVersion !== key.id || !isKnown(index, found)) return null
      const segment = without(merged, found.deleted)
      const sealed = sealSegment(key, place, segment)
      await write(tx, deps, place, parts, sealed)
      return { segment, storedId: sealed.segmentId }
    })
  })
}

/** What others committed before the lock was granted. */
async function readState(tx: Tx, place: SubjectPlace, since: number) {
  const [, [subject], rows, deletions] = await Promise.all([
    lockSegments(tx, place),
    selectSubjectState(tx, place),
    selectSegmentIds(tx, place),
    selectDeletions(tx, place, since),
  ])
  return {
    subjectSince: subject?.subject_since.getTime(),
    keyVersion: subject?.key_version,
    segmentIds: rows.map(({ segment_id }) => segment_id),
    deleted: deletions.map(({ memory_id }) => memory_id),
  }
}

function isKnown(index: SubjectIndex, { subjectSince, segmentIds }: Awaited<ReturnType<typeof readState>>): boolean {
  const known = index.parts.flatMap(rowsOf)
  const isSame = known.length === segmentIds.length && known.every((id, at) => id === segmentIds[at])
  return isSame && subjectSince === index.subjectSince
}

function rowsOf({ storedId, stopgap }: IndexPart): readonly string[] {
  return storedId === null ? (stopgap?.replaces ?? []) : [storedId]
}

/** Leaves out memories that were deleted since the index was brought up to date. */
function without(segment: Segment, deleted: readonly string[]): Segment {
  const part = createPart(segment)
  for (const id of deleted) bury([part], idWords(id))
  return part.deaths === 0 ? segment : mergeSegments([part])
}

async function write(
  tx: Tx,
  deps: SearchDeps,
  place: SubjectPlace,
  parts: readonly IndexPart[],
  sealed: SealedSegment,
): Promise<void> {
  const replaced = parts.flatMap(rowsOf)
  const told = parts.flatMap(({ stopgap }) =>
    stopgap === null ? [] : rebuiltEvent(deps, place, stopgap.reason, stopgap.replaces.length),
  )
  await Promise.all([
    ...(replaced.length > 0 ? [deleteSegments(tx, place, replaced)] : []),
    insertSegment(tx, place, sealed),
    ...(told.length > 0 ? [outboxInsert(tx, told)] : []),
  ])
}

/** The index may have moved on meanwhile: what died in the parts is dead in the new one, too. */
function putInPlace(
  index: SubjectIndex,
  parts: readonly IndexPart[],
  before: readonly Uint8Array[],
  { segment, storedId }: StoredSegment,
): void {
  const part = createPart(segment, { storedId })
  carryDeaths(parts, before, part)
  for (const old of index.replace(parts, part) ? parts : [part]) wipePart(old)
}
