import type { BegunWords } from './begun-words.ts'
import { idAt } from './memory-ids.ts'
import { createPostingsBuffer, type PostingsBuffer, readPostings } from './postings.ts'
import { stemsBefore } from './prefix-stems.ts'
import type { Segment } from './segment-format.ts'
import { findTerm } from './segment-terms.ts'
import { hashTerm, type TermSeed } from './term-hash.ts'
import { termsWithPrefix } from './word-list.ts'
import { words } from './words.ts'

/** Which documents of a segment have something: those with any of the terms, and more, each with how often. */
export interface Having {
  readonly terms: readonly number[]
  readonly more?: ReadonlyMap<number, number> | undefined
}

/** Finds what has something in a segment of the subject. */
export type TermFinder = (segment: Segment) => Having

/** What has a term; nothing in a segment without it. */
export function termFinder(seed: TermSeed, text: string): TermFinder {
  const find = numberFinder(seed, text)
  return (segment) => ({ terms: find(segment) })
}

function numberFinder(seed: TermSeed, text: string): (segment: Segment) => number[] {
  const hash = new Uint32Array(2)
  hashTerm(seed, text, hash)
  return (segment) => {
    const term = findTerm(segment, hash)
    return term === -1 ? [] : [term]
  }
}

/** What has a term that begins with a prefix, or the term that the prefix is as a word, or a word that begins so as its text says. */
export function prefixFinder(seed: TermSeed, prefix: string, begun?: BegunWords): TermFinder {
  const bytes = Buffer.from(prefix)
  const finders = words(prefix).map((word) => numberFinder(seed, word))
  const findDoubtful = begun && doubtfulFinder(seed, prefix)
  return (segment) => {
    const own = finders.flatMap((find) => find(segment))
    const terms = [...new Set([...termsWithPrefix(segment.words, bytes), ...own])]
    const doubtful = findDoubtful?.(segment) ?? []
    return { terms, more: begun && doubtful.length > 0 ? toldOf(segment, prefix, doubtful, begun) : undefined }
  }
}

/** The numbers of terms that words may have which begin with a prefix, but only the text tells. */
export function doubtfulFinder(seed: TermSeed, prefix: string): (segment: Segment) => number[] {
  const finders = stemsBefore(prefix).map((stem) => numberFinder(seed, stem))
  return (segment) => finders.flatMap((find) => find(segment))
}

function toldOf(
  segment: Segment,
  prefix: string,
  terms: readonly number[],
  begun: BegunWords,
): ReadonlyMap<number, number> {
  const reader = createTermReader(segment.documents)
  const more = new Map<number, number>()
  const count = reader.read(segment, { terms })
  for (const document of reader.postings.documents.subarray(0, count)) {
    const frequency = begun.get(idAt(segment.ids, document))?.get(prefix)
    if (frequency !== undefined) more.set(document, frequency)
  }
  return more
}

/** Reads which documents have any of some terms. */
export interface TermReader {
  /** What was read last. */
  readonly postings: PostingsBuffer
  /** Reads documents of a segment that have something, each once, and how often they have it; gives the number of documents. */
  read(segment: Segment, having: Having): number
}

/** For segments of at most so many documents. */
export function createTermReader(room: number): TermReader {
  const postings = createPostingsBuffer(room)
  let single: PostingsBuffer | undefined
  return {
    postings,
    read(segment, having) {
      const { terms, more } = having
      const [first] = terms
      if (more !== undefined && more.size > 0) return readUnion(segment, having)
      if (first === undefined) return 0
      return terms.length === 1 ? readTerm(segment, first, postings) : readUnion(segment, having)
    },
  }

  function readUnion(segment: Segment, { terms, more = new Map() }: Having): number {
    single ??= createPostingsBuffer(room)
    const totals = new Uint32Array(segment.documents)
    for (const term of terms) {
      const count = readTerm(segment, term, single)
      for (let at = 0; at < count; at++) {
        const document = single.documents[at] ?? 0
        totals[document] = (totals[document] ?? 0) + (single.frequencies[at] ?? 0)
      }
    }
    for (const [document, frequency] of more) totals[document] = (totals[document] ?? 0) + frequency
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
