import type { Segment } from './segment-format.ts'
import {
  compareWords,
  createWordCursor,
  createWordListWriter,
  MAX_WORD,
  type WordCursor,
  type WordList,
} from './word-list.ts'

/** In the place of the number of a document or term that is not in the merged segment. */
export const GONE = 0xffff_ffff

/** Where a segment is in the walk through the words of all of them. */
interface Source {
  readonly cursor: WordCursor
  readonly terms: Uint32Array
  hasEnded: boolean
}

/** The words of all segments that are left; `newTerms` says for each segment which number each of its terms has now. */
export function mergeWords(segments: readonly Segment[], newTerms: readonly Uint32Array[]): WordList {
  const writer = createWordListWriter(segments.reduce((sum, { words }) => sum + words.values.length, 0))
  const sources = segments.map(({ words }, at): Source => {
    const cursor = createWordCursor(words)
    return { cursor, terms: newTerms[at] ?? new Uint32Array(), hasEnded: !cursor.next() }
  })
  const least = new Uint8Array(MAX_WORD)
  for (let first = firstOf(sources); first !== undefined; first = firstOf(sources)) {
    const length = first.length()
    least.set(first.bytes.subarray(0, length))
    const term = takeWord(sources, least, length)
    if (term !== GONE) writer.add(least, length, term)
  }
  return writer.finish()
}

/** The cursor with the least word. */
function firstOf(sources: readonly Source[]): WordCursor | undefined {
  let first: WordCursor | undefined
  for (const { cursor, hasEnded } of sources) {
    if (!hasEnded && (first === undefined || compare(cursor, first) < 0)) first = cursor
  }
  return first
}

/** Goes on behind a word in every segment that has it, and gives its number in the merged one. */
function takeWord(sources: readonly Source[], word: Uint8Array, length: number): number {
  let term = GONE
  for (const source of sources) {
    const { cursor } = source
    if (source.hasEnded || compareWords(cursor.bytes, cursor.length(), word, length) !== 0) continue
    term = Math.min(term, source.terms[cursor.term()] ?? GONE)
    source.hasEnded = !cursor.next()
  }
  return term
}

function compare(one: WordCursor, other: WordCursor): number {
  return compareWords(one.bytes, one.length(), other.bytes, other.length())
}
