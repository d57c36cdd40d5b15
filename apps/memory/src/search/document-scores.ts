import { recencyBound, recencyOf } from './recency.ts'
import type { RankingRequest, Scale } from './ranking.ts'
import { applyRules, type RulesOfPart } from './ranking-rules.ts'
import { IMPORTANCE_UNIT, type Segment, STANDING_UNIT } from './segment-format.ts'

/** More than rounding adds to a score. */
const ROUNDING = 1e-9

/** Scores the documents of one segment, without their context. */
export interface PartScorer {
  readonly similarities: Float64Array | undefined
  readonly rules: RulesOfPart | undefined
  /** What edits leave of the score of a document. */
  standingOf(document: number): number
  /** The score of a document that words give so much, or something below `least` when it is below. */
  scoreAbove(document: number, gains: number, least: number): number
  /** What the words must give a document at least for a score of `least`, whatever else it has. */
  leastGains(least: number): number
}

export function createPartScorer(
  segment: Segment,
  scale: Scale,
  { query, policy, now }: RankingRequest,
  similarities?: Float64Array,
): PartScorer {
  const { weights } = policy
  const { most, total, halfLife } = scale
  const { importance, seenCount, standing } = segment.numbers
  const { occurredAt } = segment.times
  const rules =
    policy.rules.length === 0 ? undefined : applyRules(segment, { rules: policy.rules, words: query.words, now })
  const isWhole = standing.mask === 0 && standing.values[0] === STANDING_UNIT
  const standingOf = (document: number): number =>
    isWhole ? 1 : (standing.values[document & standing.mask] ?? 0) / STANDING_UNIT
  const mostOfOthers =
    weights.importance * (importance.mask === 0 ? (importance.values[0] ?? 0) / IMPORTANCE_UNIT : 1) +
    weights.reinforcement * (seenCount.mask === 0 ? reinforcementOf(seenCount.values[0] ?? 0) : 1) +
    weights.recency +
    (similarities === undefined ? 0 : weights.embedding) +
    weights.rules * scale.mostRules
  return {
    similarities,
    rules,
    standingOf,
    scoreAbove(document, gains, least) {
      const timeless =
        weights.relevance * (gains / most) +
        weights.importance * ((importance.values[document & importance.mask] ?? 0) / IMPORTANCE_UNIT) +
        weights.reinforcement * reinforcementOf(seenCount.values[document & seenCount.mask] ?? 0) +
        (similarities === undefined ? 0 : weights.embedding * similarityOf(similarities, document)) +
        (rules === undefined ? 0 : weights.rules * rules.valueOf(document))
      const time = occurredAt.values[document & occurredAt.mask] ?? 0
      if ((timeless + weights.recency * recencyBound(time, now, halfLife)) / total < least) return -Infinity
      const score = (timeless + weights.recency * recencyOf(time, now, halfLife)) / total
      // Less than nothing stays as it is: an edit makes nothing count more.
      return isWhole || score < 0 ? score : score * standingOf(document)
    },
    leastGains(least) {
      if (least === -Infinity || weights.relevance === 0) return 0
      return ((least * total - mostOfOthers - total * ROUNDING) / weights.relevance) * most
    },
  }
}

/** 0 for a memory that has no vector. */
export function similarityOf(similarities: Float64Array, document: number): number {
  return Math.max(0, similarities[document] ?? 0)
}

/** 0 for content seen once, then 1/2, 2/3, 3/4 ... */
export function reinforcementOf(seenCount: number): number {
  return 1 - 1 / Math.max(1, seenCount)
}
