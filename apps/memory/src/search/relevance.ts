import type { Explanation } from '@memoric/contracts/search-contract.ts'
import type { Query } from './parse-query.ts'
import {
  createTermReader,
  type Having,
  prefixFinder,
  type TermFinder,
  termFinder,
  type TermReader,
} from './query-terms.ts'
import { type Candidates, ELIGIBLE, type PartCandidates, VISIBLE } from './search-candidates.ts'
import { documentsWith } from './segment-terms.ts'

/** BM25 for short texts. */
const K1 = 0.9
const B = 0.4

const NOTHING: Having = { terms: [] }

/** Documents of one part that have words of a query. */
export interface Matches {
  /** `documents[0..count)`, each once; good until the matches of the next part are asked for. */
  readonly documents: Uint32Array
  readonly count: number
  /** What the words give a document: BM25, more than 0. */
  readonly gains: Float64Array
}

/** How well eligible documents match the words of a query. */
export interface Relevance {
  /** What the words could give a document at most: more than 0. */
  readonly most: number
  /** Those of one part, to be asked for once. */
  matchesIn(part: number): Matches
  /** What the words give a document of a part whose matches were asked for. */
  gainsOf(part: number, document: number): number
  /** What each word gives a document, for an explanation. */
  explain(part: number, document: number): Explanation['relevance']['terms']
}

/** A word or prefix that some visible memory has, and what has it in each part. */
interface Word {
  readonly text: string
  readonly having: readonly Having[]
  /** Rare words weigh more. */
  readonly idf: number
}

/** Statistics are those of all parts together, so that a score is the same however memories lie in segments. */
export function relevanceOf(candidates: Candidates, query: Pick<Query, 'words' | 'prefixes' | 'begun'>): Relevance {
  const { parts, visible, visibleLength } = candidates
  const hasWords = query.words.length + query.prefixes.length > 0
  const room = hasWords ? Math.max(0, ...parts.map(({ part }) => part.segment.documents)) : 0
  const reader = createTermReader(room)
  const words = wordsOf(candidates, query, reader)
  const lengthScale = (K1 * B) / (visible === 0 ? 1 : visibleLength / visible)
  const documents = new Uint32Array(room)
  const starts = startsOf(candidates)
  const allGains = emptyGains(hasWords ? (starts.at(-1) ?? 0) : 0)

  return {
    most: words.reduce((sum, { idf }) => sum + idf * (K1 + 1), 0) || 1,
    matchesIn(at) {
      const candidate = parts[at]
      const gains = allGains.subarray(starts[at], starts[at + 1])
      let count = 0
      if (candidate !== undefined)
        for (const { having, idf } of words) count = addWord(candidate, having[at] ?? NOTHING, idf, gains, count)
      return { documents, count, gains }
    },
    gainsOf: (part, document) => allGains[(starts[part] ?? 0) + document] ?? 0,
    explain: (part, document) => words.flatMap((word) => explainWord(word, part, document)),
  }

  /** Gives the number of documents with what the word added. */
  function addWord(
    { part, state }: PartCandidates,
    having: Having,
    idf: number,
    gains: Float64Array,
    count: number,
  ): number {
    const { values, mask } = part.segment.numbers.length
    const found = reader.read(part.segment, having)
    const { postings } = reader
    let next = count
    for (let at = 0; at < found; at++) {
      const document = postings.documents[at] ?? 0
      if (state !== null && state[document] !== ELIGIBLE) continue
      const before = gains[document] ?? 0
      if (before === 0) documents[next++] = document
      gains[document] = before + idf * saturation(postings.frequencies[at] ?? 0, values[document & mask] ?? 0)
    }
    return next
  }

  /** How much of a word's weight `frequency` occurrences earn in a text of `length` words: 0..K1 + 1. */
  function saturation(frequency: number, length: number): number {
    return (frequency * (K1 + 1)) / (frequency + K1 * (1 - B) + lengthScale * length)
  }

  function explainWord({ text, having, idf }: Word, at: number, document: number) {
    const segment = parts[at]?.part.segment
    if (segment === undefined) return []
    const found = reader.read(segment, having[at] ?? NOTHING)
    const place = reader.postings.documents.subarray(0, found).indexOf(document)
    if (place === -1) return []
    const frequency = reader.postings.frequencies[place] ?? 0
    const { values, mask } = segment.numbers.length
    return [{ term: text, idf, frequency, score: idf * saturation(frequency, values[document & mask] ?? 0) }]
  }
}

/** Where the documents of each part begin, were all parts one after the other. */
function startsOf({ parts }: Candidates): number[] {
  let end = 0
  return [0, ...parts.map(({ part }) => (end += part.segment.documents))]
}

/** What the search before left; searches do not overlap. New ones for each would keep the garbage collector busy. */
let spare = new Float64Array(4096)

/** Larger ones are not kept, bytes. */
const MOST_SPARE = 2 ** 23

function emptyGains(length: number): Float64Array {
  if (spare.length >= length) return spare.subarray(0, length).fill(0)
  const gains = new Float64Array(length)
  if (gains.byteLength <= MOST_SPARE) spare = gains
  return gains
}

function wordsOf(
  candidates: Candidates,
  { words, prefixes, begun }: Pick<Query, 'words' | 'prefixes' | 'begun'>,
  reader: TermReader,
): Word[] {
  return [
    ...words.flatMap((text) => wordOf(candidates, text, termFinder(candidates.seed, text), reader)),
    ...prefixes.flatMap((prefix) =>
      wordOf(candidates, `${prefix}*`, prefixFinder(candidates.seed, prefix, begun), reader),
    ),
  ]
}

/** Nothing for a word that no visible memory has. */
function wordOf({ parts, visible }: Candidates, text: string, find: TermFinder, reader: TermReader): Word[] {
  const having = parts.map(({ part }) => find(part.segment))
  const memories = parts.reduce((sum, candidate, at) => sum + visibleWith(candidate, having[at] ?? NOTHING, reader), 0)
  if (memories === 0) return []
  return [{ text, having, idf: Math.log(1 + (visible - memories + 0.5) / (memories + 0.5)) }]
}

/** How many visible documents of a part have something. */
function visibleWith({ part, state, visible }: PartCandidates, having: Having, reader: TermReader): number {
  const { segment } = part
  const { terms, more } = having
  const [first] = terms
  const seesAll = state === null || visible === segment.documents
  if (seesAll && first !== undefined && terms.length === 1 && more === undefined) return documentsWith(segment, first)
  const count = reader.read(segment, having)
  if (seesAll) return count
  let found = 0
  for (let at = 0; at < count; at++) if ((state[reader.postings.documents[at] ?? 0] ?? 0) >= VISIBLE) found += 1
  return found
}
