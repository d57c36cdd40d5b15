import type { SearchRequest } from '@memoric/contracts/search-contract.ts'
import type { RankingRule } from './ranking-rules.ts'

/** How much each component of a score weighs. */
export interface Weights {
  readonly relevance: number
  readonly embedding: number
  readonly context: number
  readonly recency: number
  readonly importance: number
  readonly reinforcement: number
  readonly rules: number
}

/** How memories are ranked where a request says nothing else. */
export interface RankingPolicy {
  readonly weights: Weights
  /** After so many days a memory counts half as recent. */
  readonly halfLifeDays: number
  readonly rules: readonly RankingRule[]
}

export const DEFAULT_POLICY: RankingPolicy = {
  weights: {
    relevance: 1,
    embedding: 0.3,
    context: 0.8,
    recency: 0.15,
    importance: 0.15,
    reinforcement: 0.05,
    rules: 0.3,
  },
  halfLifeDays: 30,
  rules: [],
}

/**
 * The policy with the weights of a request. Without words there is no relevance and no context, without vectors no similarity, without rules
 * nothing for them to weigh.
 */
export function policyFor(
  { weights: asked = {} }: Pick<SearchRequest, 'weights'>,
  hasWords: boolean,
  policy = DEFAULT_POLICY,
  hasVectors = false,
): RankingPolicy {
  const { recency_half_life_days: halfLifeDays = policy.halfLifeDays, ...given } = asked
  const complete = {
    ...policy.weights,
    ...Object.fromEntries(Object.entries(given).filter(([, weight]) => weight !== undefined)),
  }
  const weights = {
    ...complete,
    relevance: hasWords ? complete.relevance : 0,
    embedding: hasWords && hasVectors ? complete.embedding : 0,
    context: hasWords ? complete.context : 0,
    rules: policy.rules.length > 0 ? complete.rules : 0,
  }
  return { weights, halfLifeDays, rules: policy.rules }
}

/** What the weights add up to, by which scores are divided: 1 when all are 0. */
export function totalOf(weights: Weights): number {
  const { relevance, embedding, context, recency, importance, reinforcement, rules } = weights
  return relevance + embedding + context + recency + importance + reinforcement + rules || 1
}
