import { createPostingsBuffer, type PostingsBuffer, readPostings } from './postings.ts'
import type { Segment } from './segment-format.ts'
import { findTerm } from './segment-terms.ts'
import { hashTerm, type TermSeed } from './term-hash.ts'
import { termsWithPrefix } from './word-list.ts'
import { words } from './words.ts'

/** Finds the numbers that something has in a segment of the subject. */
export type TermFinder = (segment: Segment) => number[]

/** The number of a term; none in a segment that does not have it. */
export function termFinder(seed: TermSeed, text: string): TermFinder {
  const hash = new Uint32Array(2)
  hashTerm(seed, text, hash)
  return (segment) => {
    const term = findTerm(segment, hash)
    return term === -1 ? [] : [term]
  }
}

/** The numbers of the terms that begin with a prefix, and of the term that the prefix is as a word. */
export function prefixFinder(seed: TermSeed, prefix: string): TermFinder {
  const bytes = Buffer.from(prefix)
  const finders = words(prefix).map((word) => termFinder(seed, word))
  return (segment) => {
    return [...new Set([...termsWithPrefix(segment.words, bytes), ...finders.flatMap((find) => find(segment))])]
  }
}

/** Reads which documents have any of some terms. */
export interface TermReader {
  /** What was read last. */
  readonly postings: PostingsBuffer
  /** Reads documents of a segment with any of the terms, each once, and how often they have them; gives the number of documents. */
  read(segment: Segment, terms: readonly number[]): number
}

/** For segments of at most so many documents. */
export function createTermReader(room: number): TermReader {
  const postings = createPostingsBuffer(room)
  let single: PostingsBuffer | undefined
  return {
    postings,
    read(segment, terms) {
      const [first] = terms
      if (first === undefined) return 0
      if (terms.length === 1) return readTerm(segment, first, postings)
      return readUnion(segment, terms)
    },
  }

  function readUnion(segment: Segment, terms: readonly number[]): number {
    single ??= createPostingsBuffer(room)
    const totals = new Uint32Array(segment.documents)
    for (const term of terms) {
      const count = readTerm(segment, term, single)
      for (let at = 0; at < count; at++) {
        const document = single.documents[at] ?? 0
        totals[document] = (totals[document] ?? 0) + (single.frequencies[at] ?? 0)
      }
    }
    let found = 0
    for (let document = 0; document < totals.length; document++) {
      if (totals[document] === 0) continue
      postings.documents[found] = document
      postings.frequencies[found++] = totals[document] ?? 0
    }
    return found
  }
}

function readTerm({ postings }: Segment, term: number, into: PostingsBuffer): number {
  return readPostings(postings.values, postings.starts[term] ?? 0, into)
}
