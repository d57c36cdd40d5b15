import { CryptoError } from '@memoric/crypto/errors.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { catchUp } from './catch-up.ts'
import { dropSegments } from './drop-segments.ts'
import { createPart, type IndexPart, type RebuildReason } from './index-part.ts'
import { readSegment } from './read-documents.ts'
import { unsealSegment } from './seal-segment.ts'
import type { SearchDeps } from './search-deps.ts'
import { FORMAT, type Segment } from './segment-format.ts'
import {
  scopeOfIndex,
  type SegmentRow,
  selectSegments,
  selectSubjectState,
  type SubjectPlace,
} from './segment-repository.ts'
import { createSubjectIndex, type SubjectIndex } from './subject-index.ts'
import { createTermSeed, type TermSeed } from './term-hash.ts'

/** A row, and what it holds or why that is of no use. */
interface OpenedRow {
  readonly row: SegmentRow
  readonly segment: Segment | RebuildReason
}

/** How often a load is begun anew because the subject was erased, or its segments dropped, in the middle of it. */
const ATTEMPTS = 5

/**
 * The index of a subject with every change that was committed before the call: its stored segments, from their rows the memories
 * of segments that cannot be used, and what is newer. Segments that `held` has are taken from there.
 */
export async function loadIndex(
  deps: SearchDeps,
  place: SubjectPlace,
  held: SubjectIndex | null,
): Promise<SubjectIndex> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const index = await tryLoad(deps, place, held)
    if (index !== null) return index
    // Segments from beyond the last change: of a subject that was erased, and whose counters began anew.
    if (attempt > 0) await dropSegments(deps, place, 'damaged')
  }
  throw new Error('the segments of a subject keep changing')
}

async function tryLoad(deps: SearchDeps, place: SubjectPlace, held: SubjectIndex | null): Promise<SubjectIndex | null> {
  const known = new Map(held?.parts.map(({ storedId, segment }) => [storedId ?? '', segment]))
  known.delete('')
  const reading = tenantFlight(deps.sql, scopeOfIndex(place), (tx) => [
    selectSubjectState(tx, place),
    selectSegments(tx, place, [...known.keys()]),
  ])
  // They will be needed: unwrapped while the segments are on their way.
  const unwrapping = deps.keys.forReading(place.tenantId, place.subjectId, () => undefined)
  const [[[subject], rows]] = await Promise.all([reading, unwrapping])
  const opened = await openAll(deps, place, rows, known)
  if (subject === undefined || opened === null) return createSubjectIndex({ seed: createTermSeed() })
  if (isImpossible(opened, subject.last_change)) {
    deps.log.error({ ...place, segments: rows.length }, 'search segments contradict each other: all are built anew')
    await dropSegments(deps, place, 'damaged')
    return null
  }
  const usable = opened.map(({ segment }) => segment).find((segment) => typeof segment !== 'string')
  const seed = usable?.seed ?? createTermSeed()
  const parts = await completeParts(deps, place, seed, opened)
  const isStorable = rows.every(({ format }) => format <= FORMAT)
  const index = createSubjectIndex({ seed, subjectSince: subject.subject_since.getTime(), parts, isStorable })
  // What was deleted up to here is not in the segments any more.
  return (await catchUp(deps, place, index, subject.last_change)) ? index : null
}

/** Segments that overlap, or that cannot be used and reach into the future: someone else wrote these rows. */
function isImpossible(opened: readonly OpenedRow[], lastChange: number): boolean {
  return opened.some(({ row, segment }, at) => {
    const overlaps = row.from_change < (opened[at - 1]?.row.to_change ?? 0)
    return overlaps || (typeof segment === 'string' && row.to_change > lastChange)
  })
}

/** Null when the subject has no key any more. */
function openAll(
  { keys }: SearchDeps,
  place: SubjectPlace,
  rows: readonly SegmentRow[],
  known: ReadonlyMap<string, Segment>,
): Promise<OpenedRow[] | null> {
  let attempts = 0
  return keys.forReading(place.tenantId, place.subjectId, (subjectKeys) => {
    if (subjectKeys === null) return null
    const opened = rows.map((row) => {
      return { row, segment: known.get(row.segment_id) ?? unsealSegment(subjectKeys.index, place, row) }
    })
    attempts += 1
    // The keys may have been read before the one that sealed it was made: they are read again.
    if (attempts === 1 && opened.some(({ segment }) => segment === 'key')) throw new CryptoError('unknown_key')
    return opened
  })
}

/** The parts of an index, without gaps: what is missing, or cannot be used, is read from the rows. */
async function completeParts(
  deps: SearchDeps,
  place: SubjectPlace,
  seed: TermSeed,
  opened: readonly OpenedRow[],
): Promise<IndexPart[]> {
  const parts: IndexPart[] = []
  let end = 0
  for (const { row, segment } of opened) {
    if (row.from_change > end) {
      parts.push(await stopgap('missing', end, row.from_change, []))
    }
    const usable = typeof segment === 'string' || isSeedOf(segment, seed) ? segment : 'damaged'
    parts.push(
      typeof usable === 'string'
        ? await stopgap(usable, row.from_change, row.to_change, [row.segment_id])
        : createPart(usable, { storedId: row.segment_id }),
    )
    end = row.to_change
  }
  return parts

  async function stopgap(reason: RebuildReason, fromChange: number, toChange: number, replaces: string[]) {
    const told = { ...place, segments: replaces, reason }
    if (reason === 'format') deps.log.info(told, 'a search segment of another version is built anew')
    else deps.log.error(told, 'a search segment cannot be used and is built anew')
    const segment = await readSegment(deps, place, seed, { fromChange, toChange })
    return createPart(segment, { stopgap: { reason, replaces } })
  }
}

function isSeedOf(segment: Segment, seed: TermSeed): boolean {
  return segment.seed.every((word, at) => word === seed[at])
}
