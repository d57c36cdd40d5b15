import type { Explanation } from '@memoric/contracts/search-contract.ts'
import { type BestDocuments, createBestDocuments, type ScoredDocument } from './best-documents.ts'
import { idAt } from './memory-ids.ts'
import { ageOf, DAY_MS, HALF_LIFE_DAYS, recencyBound, recencyOf } from './recency.ts'
import { type Matches, type Relevance, relevanceOf } from './relevance.ts'
import { type Candidates, ELIGIBLE, type PartCandidates } from './search-candidates.ts'
import { IMPORTANCE_UNIT, type Segment } from './segment-format.ts'
import type { TermSeed } from './term-hash.ts'
import { totalOf, type Weights } from './weights.ts'

/** More than rounding adds to a score. */
const ROUNDING = 1e-9

export interface RankedMemory {
  readonly id: string
  /** 0..1 */
  readonly score: number
  readonly explanation?: Explanation
}

export interface RankingRequest {
  readonly seed: TermSeed
  /** Different terms; none ranks every eligible memory. */
  readonly words: readonly string[]
  readonly weights: Weights
  readonly topK: number
  /** ms since the epoch */
  readonly now: number
  readonly explain: boolean
}

/**
 * The best `topK` of the eligible memories, best first; equal scores by id. Each component is 0..1 and the score is their weighted
 * mean, so scores are 0..1 too: relevance is BM25 as a share of the most that the query's words can give, recency halves every
 * 30 days, importance is as stored, reinforcement grows with each time the content was seen again.
 * With words, only memories that have at least one of them are ranked.
 */
export function rank(candidates: Candidates, request: RankingRequest): RankedMemory[] {
  const { seed, words, weights, topK, explain } = request
  const relevance = relevanceOf(candidates, seed, words)
  const scale = { most: relevance.most, total: totalOf(weights) }
  const parts = candidates.parts.map(({ part }) => part)
  const best = createBestDocuments(parts, topK)
  // The newest first: what is recent makes most of the rest too bad to look at closely.
  for (const [part, candidate] of [...candidates.parts.entries()].reverse()) {
    if (candidate.eligible === 0) continue
    const scorer = createScorer(candidate, part, scale, request, best)
    if (words.length === 0) scoreAll(candidate, scorer)
    else scoreMatches(relevance.matchesIn(part), scorer)
  }
  return best.documents.map((scored) => {
    const segment = parts[scored.part]?.segment
    if (segment === undefined) throw new RangeError('a document of no part')
    const found = { id: idAt(segment.ids, scored.document), score: scored.score }
    return explain ? { ...found, explanation: explainDocument(segment, scored, relevance, scale, request) } : found
  })
}

/** What gains and weighted sums are divided by. */
interface Scale {
  /** What the words could give a document at most. */
  readonly most: number
  /** All weights together. */
  readonly total: number
}

/** Offers a document that the words give so much to the best. */
type Scorer = (document: number, gains: number) => void

function scoreAll({ part, state }: PartCandidates, score: Scorer): void {
  for (let document = 0; document < part.segment.documents; document++) {
    if (state === null || state[document] === ELIGIBLE) score(document, 0)
  }
}

function scoreMatches({ documents, count, gains }: Matches, score: Scorer): void {
  for (let at = 0; at < count; at++) {
    const document = documents[at] ?? 0
    score(document, gains[document] ?? 0)
  }
}

function createScorer(
  { part }: PartCandidates,
  position: number,
  scale: Scale,
  request: RankingRequest,
  best: BestDocuments,
): Scorer {
  const { weights, now } = request
  const { most, total } = scale
  const { numbers, times } = part.segment
  const { importance, seenCount } = numbers
  const { occurredAt } = times
  let least = leastGains(part.segment, scale, weights, best)
  return (document, gains) => {
    if (gains < least) return
    const timeless =
      weights.relevance * (gains / most) +
      weights.importance * ((importance.values[document & importance.mask] ?? 0) / IMPORTANCE_UNIT) +
      weights.reinforcement * reinforcementOf(seenCount.values[document & seenCount.mask] ?? 0)
    const time = occurredAt.values[document & occurredAt.mask] ?? 0
    if ((timeless + weights.recency * recencyBound(time, now)) / total < best.least) return
    const score = (timeless + weights.recency * recencyOf(time, now)) / total
    best.offer({ part: position, document, gains, score })
    least = leastGains(part.segment, scale, weights, best)
  }
}

/** What the words must give a document at least if it is to be among the best, whatever else it has. */
function leastGains({ numbers }: Segment, { most, total }: Scale, weights: Weights, best: BestDocuments): number {
  if (best.least === -Infinity || weights.relevance === 0) return 0
  const { importance, seenCount } = numbers
  const mostImportance = importance.mask === 0 ? (importance.values[0] ?? 0) / IMPORTANCE_UNIT : 1
  const mostReinforcement = seenCount.mask === 0 ? reinforcementOf(seenCount.values[0] ?? 0) : 1
  const others = weights.importance * mostImportance + weights.reinforcement * mostReinforcement + weights.recency
  return ((best.least * total - others - total * ROUNDING) / weights.relevance) * most
}

/** 0 for content seen once, then 1/2, 2/3, 3/4 ... */
function reinforcementOf(seenCount: number): number {
  return 1 - 1 / Math.max(1, seenCount)
}

function explainDocument(
  { numbers, times }: Segment,
  { part, document, gains }: ScoredDocument,
  relevance: Relevance,
  { most, total }: Scale,
  { weights, now }: RankingRequest,
): Explanation {
  const component = (value: number, weight: number) => ({ value, weight, contribution: (weight * value) / total })
  const time = times.occurredAt.values[document & times.occurredAt.mask] ?? 0
  const seenCount = numbers.seenCount.values[document & numbers.seenCount.mask] ?? 0
  const importance = (numbers.importance.values[document & numbers.importance.mask] ?? 0) / IMPORTANCE_UNIT
  return {
    relevance: {
      ...component(gains / most, weights.relevance),
      terms: relevance.explain(part, document),
    },
    recency: {
      ...component(recencyOf(time, now), weights.recency),
      age_days: ageOf(time, now) / DAY_MS,
      half_life_days: HALF_LIFE_DAYS,
    },
    importance: component(importance, weights.importance),
    reinforcement: { ...component(reinforcementOf(seenCount), weights.reinforcement), seen_count: seenCount },
  }
}
