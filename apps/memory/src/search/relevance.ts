import type { Explanation } from '@memoric/contracts/search-contract.ts'
import { createPostingsBuffer, type PostingsBuffer, readPostings } from './postings.ts'
import { type Candidates, ELIGIBLE, type PartCandidates, VISIBLE } from './search-candidates.ts'
import { documentsWith, findTerm } from './segment-terms.ts'
import { hashTerm, type TermSeed } from './term-hash.ts'

/** BM25 for short texts. */
const K1 = 0.9
const B = 0.4

/** Documents of one part that have words of a query. */
export interface Matches {
  /** `documents[0..count)`, each once. */
  readonly documents: Uint32Array
  readonly count: number
  /** What the words give a document: BM25, more than 0. */
  readonly gains: Float64Array
}

/** How well eligible documents match the words of a query. */
export interface Relevance {
  /** What the words could give a document at most: more than 0. */
  readonly most: number
  /** Those of one part; good until the matches of the next part are asked for. */
  matchesIn(part: number): Matches
  /** What each word gives a document, for an explanation. */
  explain(part: number, document: number): Explanation['relevance']['terms']
}

/** A word that some visible memory has, and its term in each part, -1 where the part has none. */
interface Word {
  readonly text: string
  readonly terms: readonly number[]
  /** Rare words weigh more. */
  readonly idf: number
}

/** Statistics are those of all parts together, so that a score is the same however memories lie in segments. */
export function relevanceOf(candidates: Candidates, seed: TermSeed, texts: readonly string[]): Relevance {
  const { parts, visible, visibleLength } = candidates
  const room = Math.max(0, ...parts.map(({ part }) => part.segment.documents))
  const buffer = createPostingsBuffer(room)
  const words = texts.flatMap((text) => wordOf(candidates, seed, text, buffer))
  const lengthScale = (K1 * B) / (visible === 0 ? 1 : visibleLength / visible)
  // As large as the largest part, not as all of them: this stays in the caches of the processor.
  const gains = new Float64Array(room)
  const documents = new Uint32Array(room)
  let count = 0

  return {
    most: words.reduce((sum, { idf }) => sum + idf * (K1 + 1), 0) || 1,
    matchesIn(at) {
      for (let match = 0; match < count; match++) gains[documents[match] ?? 0] = 0
      count = 0
      const candidate = parts[at]
      if (candidate !== undefined) for (const { terms, idf } of words) addWord(candidate, terms[at] ?? -1, idf)
      return { documents, count, gains }
    },
    explain: (part, document) => words.flatMap((word) => explainWord(word, part, document)),
  }

  function addWord({ part, state }: PartCandidates, term: number, idf: number): void {
    if (term === -1) return
    const { postings, numbers } = part.segment
    const { values, mask } = numbers.length
    const found = readPostings(postings.values, postings.starts[term] ?? 0, buffer)
    for (let at = 0; at < found; at++) {
      const document = buffer.documents[at] ?? 0
      if (state !== null && state[document] !== ELIGIBLE) continue
      const before = gains[document] ?? 0
      if (before === 0) documents[count++] = document
      gains[document] = before + idf * saturation(buffer.frequencies[at] ?? 0, values[document & mask] ?? 0)
    }
  }

  /** How much of a word's weight `frequency` occurrences earn in a text of `length` words: 0..K1 + 1. */
  function saturation(frequency: number, length: number): number {
    return (frequency * (K1 + 1)) / (frequency + K1 * (1 - B) + lengthScale * length)
  }

  function explainWord({ text, terms, idf }: Word, at: number, document: number) {
    const segment = parts[at]?.part.segment
    const term = terms[at] ?? -1
    if (segment === undefined || term === -1) return []
    const found = readPostings(segment.postings.values, segment.postings.starts[term] ?? 0, buffer)
    const place = buffer.documents.subarray(0, found).indexOf(document)
    if (place === -1) return []
    const frequency = buffer.frequencies[place] ?? 0
    const { values, mask } = segment.numbers.length
    return [{ term: text, idf, frequency, score: idf * saturation(frequency, values[document & mask] ?? 0) }]
  }
}

/** Nothing for a word that no visible memory has. */
function wordOf({ parts, visible }: Candidates, seed: TermSeed, text: string, buffer: PostingsBuffer): Word[] {
  const hash = new Uint32Array(2)
  hashTerm(seed, text, hash)
  const terms = parts.map(({ part }) => findTerm(part.segment, hash))
  const memories = parts.reduce((sum, candidate, at) => sum + visibleWith(candidate, terms[at] ?? -1, buffer), 0)
  if (memories === 0) return []
  return [{ text, terms, idf: Math.log(1 + (visible - memories + 0.5) / (memories + 0.5)) }]
}

/** How many visible documents of a part have a term. */
function visibleWith({ part, state, visible }: PartCandidates, term: number, buffer: PostingsBuffer): number {
  if (term === -1) return 0
  const { segment } = part
  if (state === null || visible === segment.documents) return documentsWith(segment, term)
  const count = readPostings(segment.postings.values, segment.postings.starts[term] ?? 0, buffer)
  let found = 0
  for (let at = 0; at < count; at++) if ((state[buffer.documents[at] ?? 0] ?? 0) >= VISIBLE) found += 1
  return found
}
