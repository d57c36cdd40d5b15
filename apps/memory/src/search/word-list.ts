import type { Ragged } from './segment-format.ts'

/**
 * The words of a segment in the order of their UTF-8 bytes, each with the number of its term: blocks of 16, of which part `i` of the
 * ragged bytes is one. An entry is the number of bytes that it shares with the word before it in the block, the number of bytes that follow, those
 * bytes, and the term as a varint.
 */
export type WordList = Ragged<Uint8Array>

const BLOCK = 16

/** More than the bytes of any word: 64 UTF-16 units. */
export const MAX_WORD = 256

/** Longest varint: 35 bits. */
const VARINT = 5

export interface WordListWriter {
  /** Takes the next word: `bytes[0..length)`. */
  add(bytes: Uint8Array, length: number, term: number): void
  finish(): WordList
}

export function createWordListWriter(capacity: number): WordListWriter {
  let values = new Uint8Array(capacity + MAX_WORD)
  const starts: number[] = [0]
  const before = new Uint8Array(MAX_WORD)
  let beforeLength = 0
  let words = 0
  let end = 0
  return {
    add(bytes, length, term) {
      if (words > 0 && words % BLOCK === 0) starts.push(end)
      const shared = words % BLOCK === 0 ? 0 : sharedLength(before, beforeLength, bytes, length)
      reserve(2 + length - shared + VARINT)
      values[end++] = shared
      values[end++] = length - shared
      for (let at = shared; at < length; at++) values[end++] = before[at] = bytes[at] ?? 0
      beforeLength = length
      writeVarint(term)
      words += 1
    },
    finish: () => ({ starts: Uint32Array.from(words === 0 ? [] : [...starts, end]), values: values.slice(0, end) }),
  }

  function reserve(more: number): void {
    if (end + more <= values.length) return
    const larger = new Uint8Array(Math.max(end + more, values.length * 2))
    larger.set(values)
    values = larger
  }

  function writeVarint(value: number): void {
    let rest = value
    for (; rest > 0x7f; rest >>>= 7) values[end++] = (rest & 0x7f) | 0x80
    values[end++] = rest
  }
}

/** Goes through the words of a list. */
export interface WordCursor {
  /** Goes to the next word; false after the last. */
  next(): boolean
  /** The word is `bytes[0..length())`. */
  readonly bytes: Uint8Array
  length(): number
  term(): number
}

/** Begins before the first word of a block. */
export function createWordCursor({ starts, values }: WordList, block = 0): WordCursor {
  const bytes = new Uint8Array(MAX_WORD)
  let place = starts[block] ?? values.length
  let length = 0
  let term = 0
  return {
    bytes,
    length: () => length,
    term: () => term,
    next() {
      if (place >= values.length) return false
      const shared = values[place++] ?? 0
      length = shared + (values[place++] ?? 0)
      for (let at = shared; at < length; at++) bytes[at] = values[place++] ?? 0
      term = 0
      for (let shift = 0; ; shift += 7) {
        const byte = values[place++] ?? 0
        term |= (byte & 0x7f) << shift
        if (byte < 0x80) return true
      }
    },
  }
}

/** The terms of all words that begin with `prefix`, UTF-8. */
export function termsWithPrefix(list: WordList, prefix: Uint8Array): number[] {
  const cursor = createWordCursor(list, lastBlockBefore(list, prefix))
  const terms: number[] = []
  while (cursor.next()) {
    const shared = sharedLength(cursor.bytes, cursor.length(), prefix, prefix.length)
    if (shared === prefix.length) terms.push(cursor.term())
    else if ((cursor.bytes[shared] ?? 0) > (prefix[shared] ?? 0) && shared < cursor.length()) break
  }
  return terms
}

/** Below, at or above zero, as the bytes compare. */
export function compareWords(one: Uint8Array, length: number, other: Uint8Array, otherLength: number): number {
  const shared = sharedLength(one, length, other, otherLength)
  if (shared === length || shared === otherLength) return length - otherLength
  return (one[shared] ?? 0) - (other[shared] ?? 0)
}

function sharedLength(one: Uint8Array, length: number, other: Uint8Array, otherLength: number): number {
  const most = Math.min(length, otherLength)
  let at = 0
  while (at < most && one[at] === other[at]) at += 1
  return at
}

/** The last block whose first word is before `prefix`, or the first. */
function lastBlockBefore({ starts, values }: WordList, prefix: Uint8Array): number {
  let low = 0
  let high = Math.max(0, starts.length - 2)
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    const start = starts[middle] ?? 0
    const length = values[start + 1] ?? 0
    const first = values.subarray(start + 2, start + 2 + length)
    if (compareWords(first, length, prefix, prefix.length) < 0) low = middle
    else high = middle - 1
  }
  return low
}
