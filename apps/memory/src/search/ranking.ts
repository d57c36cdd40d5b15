import type { Explanation, SearchRequest } from '@memoric/contracts/search-contract.ts'
import { ELIGIBLE, VISIBLE, type Candidates } from './search-candidates.ts'
import type { IndexedMemory, Postings, SubjectIndex } from './subject-index.ts'

/** BM25 for short texts. */
const K1 = 0.9
const B = 0.4

/** After so many days a memory counts half as recent. */
const HALF_LIFE_DAYS = 30
const DAY_MS = 86_400_000

const DEFAULT_WEIGHTS = { relevance: 1, recency: 0.15, importance: 0.15, reinforcement: 0.05 } as const

export type Weights = Readonly<Record<keyof typeof DEFAULT_WEIGHTS, number>>

export interface Ranked {
  readonly document: number
  readonly id: string
  /** 0..1 */
  readonly score: number
}

interface TermStatistics {
  readonly term: string
  readonly postings: Postings
  readonly idf: number
}

export interface Ranking {
  /** The best `top_k`, best first; equal scores by id. */
  readonly best: readonly Ranked[]
  explain(ranked: Ranked): Explanation
}

/** The weights of a request; those left out have their defaults, and without words there is no relevance. */
export function weightsOf({ weights = {} }: SearchRequest, hasWords: boolean): Weights {
  const given = Object.fromEntries(Object.entries(weights).filter(([, weight]) => weight !== undefined))
  const complete = { ...DEFAULT_WEIGHTS, ...given }
  return hasWords ? complete : { ...complete, relevance: 0 }
}

/**
 * Ranks the eligible memories. Each component is 0..1 and the score is their weighted mean, so scores are 0..1 too:
 * relevance is BM25 as a share of the most that the query's words can give, recency halves every 30 days,
 * importance is as stored, reinforcement grows with each time the content was seen again.
 * With words, only memories that have at least one of them are ranked.
 */
export function rank(
  index: SubjectIndex,
  candidates: Candidates,
  terms: readonly string[],
  weights: Weights,
  topK: number,
  now: number,
): Ranking {
  const statistics = terms.flatMap((term) => statisticsOf(index, candidates, term))
  const averageLength = candidates.visible === 0 ? 1 : candidates.visibleLength / candidates.visible
  const most = statistics.reduce((sum, { idf }) => sum + idf * (K1 + 1), 0)
  const totalWeight = Object.values(weights).reduce((sum, weight) => sum + weight, 0) || 1
  const relevance = relevanceOf(index, candidates, statistics, averageLength, most)

  return { best: selectBest(), explain }

  function selectBest(): Ranked[] {
    const best: Ranked[] = []
    for (const [document, memory] of index.documents.entries()) {
      if (memory === undefined || candidates.state[document] !== ELIGIBLE) continue
      if (terms.length > 0 && relevance[document] === 0) continue
      offer(best, { document, id: memory.id, score: scoreOf(document, memory) }, topK)
    }
    return best
  }

  function scoreOf(document: number, memory: IndexedMemory): number {
    const sum =
      weights.relevance * (relevance[document] ?? 0) +
      weights.recency * recencyOf(memory, now) +
      weights.importance * memory.importance +
      weights.reinforcement * reinforcementOf(memory)
    return sum / totalWeight
  }

  function explain({ document }: Ranked): Explanation {
    const memory = index.documents[document]
    if (memory === undefined) throw new RangeError('a memory that is not in the index')
    const component = (value: number, weight: number) => ({
      value,
      weight,
      contribution: (weight * value) / totalWeight,
    })
    return {
      relevance: {
        ...component(relevance[document] ?? 0, weights.relevance),
        terms: statistics.flatMap((statistic) => explainTerm(statistic, document, memory.length / averageLength)),
      },
      recency: {
        ...component(recencyOf(memory, now), weights.recency),
        age_days: ageDays(memory, now),
        half_life_days: HALF_LIFE_DAYS,
      },
      importance: component(memory.importance, weights.importance),
      reinforcement: { ...component(reinforcementOf(memory), weights.reinforcement), seen_count: memory.seenCount },
    }
  }
}

/** Nothing for a term that no visible memory has. */
function statisticsOf(index: SubjectIndex, { state, visible }: Candidates, term: string): TermStatistics[] {
  const postings = index.postings(term)
  if (postings === undefined) return []
  let frequency = 0
  for (const document of postings.documents) if ((state[document] ?? 0) >= VISIBLE) frequency += 1
  if (frequency === 0) return []
  return [{ term, postings, idf: Math.log(1 + (visible - frequency + 0.5) / (frequency + 0.5)) }]
}

/** BM25 of each document as a share of `most`. */
function relevanceOf(
  index: SubjectIndex,
  { state }: Candidates,
  statistics: readonly TermStatistics[],
  averageLength: number,
  most: number,
): Float64Array {
  const relevance = new Float64Array(index.documents.length)
  for (const { postings, idf } of statistics) {
    for (const [at, document] of postings.documents.entries()) {
      const memory = index.documents[document]
      if (memory === undefined || state[document] !== ELIGIBLE) continue
      const gain = idf * saturation(postings.frequencies[at] ?? 0, memory.length / averageLength)
      relevance[document] = (relevance[document] ?? 0) + gain / most
    }
  }
  return relevance
}

/** How much of a term's weight `frequency` occurrences earn in a text of this relative length: 0..K1 + 1. */
function saturation(frequency: number, relativeLength: number): number {
  return (frequency * (K1 + 1)) / (frequency + K1 * (1 - B + B * relativeLength))
}

function explainTerm({ term, postings, idf }: TermStatistics, document: number, relativeLength: number) {
  const at = postings.documents.indexOf(document)
  if (at === -1) return []
  const frequency = postings.frequencies[at] ?? 0
  return [{ term, idf, frequency, score: idf * saturation(frequency, relativeLength) }]
}

function ageDays({ occurredAt }: IndexedMemory, now: number): number {
  return Math.max(0, now - occurredAt) / DAY_MS
}

function recencyOf(memory: IndexedMemory, now: number): number {
  return 0.5 ** (ageDays(memory, now) / HALF_LIFE_DAYS)
}

/** 0 for content seen once, then 1/2, 2/3, 3/4 ... */
function reinforcementOf({ seenCount }: IndexedMemory): number {
  return 1 - 1 / Math.max(1, seenCount)
}

/** Keeps the `limit` best in order; equal scores by id. */
function offer(best: Ranked[], entry: Ranked, limit: number): void {
  const last = best.at(-1)
  if (best.length === limit && last !== undefined && !precedes(entry, last)) return
  let low = 0
  let high = best.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const there = best[middle]
    if (there !== undefined && precedes(there, entry)) low = middle + 1
    else high = middle
  }
  best.splice(low, 0, entry)
  if (best.length > limit) best.pop()
}

function precedes(a: Ranked, b: Ranked): boolean {
  return a.score === b.score ? a.id < b.id : a.score > b.score
}
