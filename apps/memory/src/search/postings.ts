/** Documents, ascending, and how often the term is in each. */
export interface PostingsBuffer {
  readonly documents: Uint32Array
  readonly frequencies: Uint32Array
}

/** Takes lists in and grows with them. */
export interface PostingsWriter {
  /** Bytes written so far. */
  readonly length: number
  /** Writes a list: from `start` to before `end` of a buffer. */
  write(postings: PostingsBuffer, start: number, end: number): void
  /** A copy of what was written. */
  bytes(): Uint8Array
}

/** Longest varint: 35 bits. */
const VARINT = 5

/** Room for lists of at most so many documents. */
export function createPostingsBuffer(documents: number): PostingsBuffer {
  return { documents: new Uint32Array(documents), frequencies: new Uint32Array(documents) }
}

/**
 * Postings as bytes: the number of documents, then for each the distance to the document before (from -1, less one) twice,
 * plus one when the term is in it more than once; then that frequency follows. All are LEB128 varints.
 */
export function createPostingsWriter(capacity: number): PostingsWriter {
  let bytes = new Uint8Array(capacity)
  let length = 0
  return {
    get length() {
      return length
    },
    write({ documents, frequencies }, start, end) {
      reserve((2 * (end - start) + 1) * VARINT)
      writeVarint(end - start)
      let previous = -1
      for (let at = start; at < end; at++) {
        const document = documents[at] ?? 0
        const frequency = frequencies[at] ?? 0
        writeVarint((document - previous - 1) * 2 + (frequency === 1 ? 0 : 1))
        if (frequency !== 1) writeVarint(frequency)
        previous = document
      }
    },
    bytes: () => bytes.slice(0, length),
  }

  function reserve(more: number): void {
    if (length + more <= bytes.length) return
    const larger = new Uint8Array(Math.max(length + more, bytes.length * 2))
    larger.set(bytes)
    bytes = larger
  }

  function writeVarint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      bytes[length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    bytes[length++] = rest
  }
}

/** How many documents the list at `start` has. */
export function countPostings(bytes: Uint8Array, start: number): number {
  let count = 0
  let shift = 0
  for (let at = start; ; at++) {
    const byte = bytes[at] ?? 0
    count |= (byte & 0x7f) << shift
    if (byte < 0x80) return count
    shift += 7
  }
}

/** Reads the list at `start` into `into` and gives the number of its documents. */
export function readPostings(bytes: Uint8Array, start: number, into: PostingsBuffer): number {
  const { documents, frequencies } = into
  const count = countPostings(bytes, start)
  let at = start + varintLength(count)
  let document = -1
  for (let index = 0; index < count; index++) {
    let byte = bytes[at++] ?? 0
    let value = byte & 0x7f
    for (let shift = 7; byte >= 0x80; shift += 7) {
      byte = bytes[at++] ?? 0
      value |= (byte & 0x7f) << shift
    }
    document += (value >>> 1) + 1
    let frequency = 1
    if ((value & 1) === 1) {
      frequency = countPostings(bytes, at)
      at += varintLength(frequency)
    }
    documents[index] = document
    frequencies[index] = frequency
  }
  return count
}

function varintLength(value: number): number {
  let length = 1
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) length += 1
  return length
}
