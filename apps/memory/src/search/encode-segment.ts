import { tableOf } from './conversation-table.ts'
import { openSegment } from './open-segment.ts'
import {
  ALIGNMENT,
  DATA_START,
  FORMAT,
  HEADER,
  LIST_COLUMNS,
  MAGIC,
  NUMBER_COLUMNS,
  type Ragged,
  type Segment,
  type SegmentContent,
  TIME_COLUMNS,
} from './segment-format.ts'

type Section = Uint32Array | Float64Array | Uint8Array

/** Lays a segment out in one buffer of its own. */
export function encodeSegment(content: SegmentContent): Segment {
  const sections = sectionsOf(content)
  const places = place(sections)
  const end = places.reduce((furthest, { offset, size }) => Math.max(furthest, offset + size), DATA_START)
  const bytes = new Uint8Array(align(end))
  writeHeader(bytes.buffer, content)
  const table = new Uint32Array(bytes.buffer, HEADER.sections)
  for (const [at, section] of sections.entries()) {
    const { offset = 0, size = 0 } = places[at] ?? {}
    table[2 * at] = offset
    table[2 * at + 1] = size
    if (size > 0) bytes.set(bytesOf(section), offset)
  }
  return openSegment(bytes)
}

function writeHeader(buffer: ArrayBuffer, { seed, fromChange, toChange, numbers, times }: SegmentContent): void {
  const totalLength = numbers.length.reduce((sum, length) => sum + length, 0)
  const earliestExpiry = times.expiresAt.reduce((first, time) => Math.min(first, time), Infinity)
  new Uint32Array(buffer, HEADER.magic).set([MAGIC, FORMAT, numbers.length.length])
  new Uint32Array(buffer, HEADER.seed).set(seed)
  new Float64Array(buffer, HEADER.fromChange).set([fromChange, toChange, totalLength, earliestExpiry])
}

function sectionsOf(content: SegmentContent): Section[] {
  const { ids, numbers, times, lists, metadata, strings, termHashes, postings, words } = content
  const { conversationHashes, conversations } = tableOf(content)
  return [
    ids,
    ...NUMBER_COLUMNS.map((name) => shortened(numbers[name])),
    ...TIME_COLUMNS.map((name) => shortened(times[name])),
    ...LIST_COLUMNS.flatMap((name) => ragged(lists[name])),
    ...ragged(metadata),
    ...ragged(strings),
    termHashes,
    ...ragged(postings),
    ...ragged(words),
    conversationHashes,
    ...ragged(conversations),
  ]
}

/** One value for all documents when all have the same. */
function shortened<T extends Uint32Array | Float64Array>(values: T): T {
  if (values.length === 1) return values
  const first = values[0]
  for (let at = 1; at < values.length; at++) if (values[at] !== first) return values
  return values.subarray(0, 1) as T
}

function ragged({ starts, values }: Ragged<Section>): [Section, Section] {
  return [values.length === 0 ? nothing : starts, values]
}

const nothing = new Uint32Array()

interface Place {
  readonly offset: number
  readonly size: number
}

/** Sections one after the other; one that equals the section before it lies where that does. */
function place(sections: readonly Section[]): Place[] {
  const places: Place[] = []
  let end = DATA_START
  for (const [at, section] of sections.entries()) {
    const before = sections[at - 1]
    const itsPlace = places[at - 1]
    if (before !== undefined && itsPlace !== undefined && isSame(section, before)) {
      places.push(itsPlace)
      continue
    }
    places.push({ offset: end, size: section.byteLength })
    end = align(end + section.byteLength)
  }
  return places
}

function isSame(section: Section, before: Section): boolean {
  return (
    section.byteLength > ALIGNMENT &&
    section.byteLength === before.byteLength &&
    Buffer.compare(bytesOf(section), bytesOf(before)) === 0
  )
}

function bytesOf({ buffer, byteOffset, byteLength }: Section): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function align(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT
}
