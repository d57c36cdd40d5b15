import type { Segment } from './segment-format.ts'

/** Why a segment is built anew from the rows. */
export type RebuildReason = 'missing' | 'damaged' | 'format' | 'key'

/** A segment as a process holds it. */
export interface IndexPart {
  readonly segment: Segment
  /** Id of the row; null while only this process has it. */
  readonly storedId: string | null
  /** Set for a part that stands in for stored segments that cannot be used. */
  readonly stopgap: Stopgap | null
  /** One byte a document; 1 for those that were deleted, or replaced by a newer version in a later part. */
  readonly dead: Uint8Array
  deaths: number
  /** True while it is being stored: it must stay as it is. */
  busy: boolean
}

export interface Stopgap {
  readonly reason: RebuildReason
  /** Rows that are of no use any more. */
  readonly replaces: readonly string[]
}

/** What a part takes in memory besides the bytes of its segment: its views. */
const PART_OVERHEAD = 4096

export function createPart(
  segment: Segment,
  { storedId = null, stopgap = null }: Partial<Pick<IndexPart, 'storedId' | 'stopgap'>> = {},
): IndexPart {
  const dead = new Uint8Array(segment.documents)
  return { segment, storedId, stopgap, dead, deaths: 0, busy: false }
}

/** Documents that are alive. */
export function living({ segment, deaths }: IndexPart): number {
  return segment.documents - deaths
}

export function partBytes({ segment, dead }: IndexPart): number {
  return segment.bytes.length + dead.length + PART_OVERHEAD
}

export function markDead(part: IndexPart, document: number): void {
  if (part.dead[document] !== 0) return
  part.dead[document] = 1
  part.deaths += 1
}

/** Overwrites what can be read of memories. */
export function wipePart({ segment }: IndexPart): void {
  segment.bytes.fill(0)
}
