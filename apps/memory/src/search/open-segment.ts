import {
  ALIGNMENT,
  DATA_START,
  FORMAT,
  HEADER,
  LIST_COLUMNS,
  MAGIC,
  NUMBER_COLUMNS,
  SECTIONS,
  recordOf,
  type Column,
  type Segment,
  SegmentError,
  TIME_COLUMNS,
} from './segment-format.ts'
import { ID_WORDS } from './memory-ids.ts'
import { SEED_WORDS } from './term-hash.ts'

/** Hands out views of the sections, in the order of the table. */
interface SectionReader {
  words(): Uint32Array
  times(): Float64Array
  bytes(): Buffer
}

/**
 * A segment over its bytes, which stay where they are. They must be what `encodeSegment` made, which sealing proves;
 * throws SegmentError for another format, or for bytes that cannot be a segment.
 */
export function openSegment(bytes: Uint8Array): Segment {
  if (bytes.length < DATA_START) throw new SegmentError('damaged')
  const { buffer, byteOffset } = aligned(bytes)
  const [magic, format] = new Uint32Array(buffer, byteOffset + HEADER.magic, 2)
  if (magic !== MAGIC || format !== FORMAT) throw new SegmentError('format')
  const [fromChange = 0, toChange = 0, totalLength = 0, earliestExpiry = 0] = new Float64Array(
    buffer,
    byteOffset + HEADER.fromChange,
    4,
  )
  const section = createSectionReader(buffer, byteOffset, bytes.length)
  const ids = section.words()
  return {
    bytes: new Uint8Array(buffer, byteOffset, bytes.length),
    documents: ids.length / ID_WORDS,
    // A copy: it is the seed of the whole index, which outlives a segment whose bytes are wiped.
    seed: new Uint32Array(buffer, byteOffset + HEADER.seed, SEED_WORDS).slice(),
    fromChange,
    toChange,
    totalLength,
    earliestExpiry,
    ids,
    numbers: recordOf(NUMBER_COLUMNS, () => column(section.words())),
    times: recordOf(TIME_COLUMNS, () => column(section.times())),
    lists: recordOf(LIST_COLUMNS, () => ({ starts: section.words(), values: section.words() })),
    metadata: { starts: section.words(), values: section.bytes() },
    strings: { starts: section.words(), values: section.bytes() },
    termHashes: section.words(),
    postings: { starts: section.words(), values: section.bytes() },
    words: { starts: section.words(), values: section.bytes() },
    conversationHashes: section.words(),
    conversations: { starts: section.words(), values: section.words() },
  }
}

/** The same bytes where views of eight bytes fit: a copy, if they lie elsewhere. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % ALIGNMENT === 0 ? bytes : new Uint8Array(bytes)
}

function createSectionReader(buffer: ArrayBufferLike, start: number, length: number): SectionReader {
  const table = new Uint32Array(buffer, start + HEADER.sections, 2 * SECTIONS)
  let next = 0
  const view = <T>(make: (offset: number, size: number) => T, element: number): T => {
    const [offset = 0, size = 0] = table.subarray(2 * next, 2 * next + 2)
    next += 1
    if (offset % ALIGNMENT !== 0 || offset + size > length || size % element !== 0) throw new SegmentError('damaged')
    return make(start + offset, size / element)
  }
  return {
    words: () => view((offset, size) => new Uint32Array(buffer, offset, size), Uint32Array.BYTES_PER_ELEMENT),
    times: () => view((offset, size) => new Float64Array(buffer, offset, size), Float64Array.BYTES_PER_ELEMENT),
    bytes: () => view((offset, size) => Buffer.from(buffer, offset, size), 1),
  }
}

function column<T extends { readonly length: number }>(values: T): Column<T> {
  return { values, mask: values.length === 1 ? 0 : -1 }
}
