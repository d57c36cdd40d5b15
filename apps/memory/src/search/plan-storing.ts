import { type IndexPart, living } from './index-part.ts'
import type { SubjectIndex } from './subject-index.ts'

/** So many memories in the tail are stored as a segment: the most that a first search has to read row by row. */
const TAIL_MEMORIES = 128

/** The same for memories with much text. */
const TAIL_BYTES = 1_048_576

/** Most of one segment: deleting a memory writes its segment anew. */
const SEGMENT_MEMORIES = 4096
const SEGMENT_BYTES = 4_194_304

/** Neighbours with fewer memories than `below` are merged when there are `fan` of them, so that each memory is written three times. */
const LEVELS = [
  { below: 512, fan: 4 },
  { below: 2048, fan: 8 },
] as const

/** Whether parts may become one segment. */
export function fitTogether(parts: readonly IndexPart[]): boolean {
  const memories = parts.reduce((sum, part) => sum + living(part), 0)
  return memories <= SEGMENT_MEMORIES && bytesOf(parts) <= SEGMENT_BYTES
}

/**
 * The parts that should next become one stored segment: what stands in for a lost one first, then the tail, then small
 * neighbours, then a segment that is more than half dead. Null when all is well.
 */
export function planStoring({
  parts,
  isStorable,
}: Pick<SubjectIndex, 'parts' | 'isStorable'>): readonly IndexPart[] | null {
  if (!isStorable) return null
  return lost(parts) ?? tail(parts) ?? small(parts) ?? hollow(parts)
}

/**
 * Whether changes of one commit are a good moment to write segments for a process that has the index of the subject not in memory:
 * every 128 changes, and in a large subject less often, since the whole index is read for it. Of all processes, one sees that change.
 */
export function isWorthStoring(changes: readonly number[]): boolean {
  return changes.some((change) => change % storingPeriod(change) === 0)
}

function storingPeriod(change: number): number {
  return Math.max(TAIL_MEMORIES, 2 ** Math.floor(Math.log2(change / 64)))
}

/** Parts of the tail, which is all of them when none is stored. */
function tailOf(parts: readonly IndexPart[]): readonly IndexPart[] {
  return parts.slice(parts.findLastIndex(({ storedId, stopgap }) => storedId !== null || stopgap !== null) + 1)
}

function lost(parts: readonly IndexPart[]): readonly IndexPart[] | null {
  const first = parts.find(({ stopgap }) => stopgap !== null)
  return first === undefined ? null : [first]
}

function tail(parts: readonly IndexPart[]): readonly IndexPart[] | null {
  const run: IndexPart[] = []
  for (const part of tailOf(parts)) {
    if (run.length > 0 && !fitTogether([...run, part])) break
    run.push(part)
  }
  const memories = run.reduce((sum, part) => sum + living(part), 0)
  return memories >= TAIL_MEMORIES || bytesOf(run) >= TAIL_BYTES ? run : null
}

function small(parts: readonly IndexPart[]): readonly IndexPart[] | null {
  for (const { below, fan } of LEVELS) {
    const run = smallerThan(parts, below, fan)
    if (run !== null) return run
  }
  return null
}

/** The first `fan` neighbours, or fewer when no more fit into a segment. */
function smallerThan(parts: readonly IndexPart[], below: number, fan: number): readonly IndexPart[] | null {
  let run: IndexPart[] = []
  for (const part of parts) {
    const isSmall = part.storedId !== null && living(part) < below
    const isFull = isSmall && !fitTogether([...run, part])
    if (isFull && run.length > 1) return run
    run = !isSmall ? [] : isFull ? [part] : [...run, part]
    if (run.length === fan) return run
  }
  return null
}

function hollow(parts: readonly IndexPart[]): readonly IndexPart[] | null {
  const found = parts.find((part) => part.storedId !== null && part.deaths > living(part))
  return found === undefined ? null : [found]
}

function bytesOf(parts: readonly IndexPart[]): number {
  return parts.reduce((sum, { segment }) => sum + segment.bytes.length, 0)
}
