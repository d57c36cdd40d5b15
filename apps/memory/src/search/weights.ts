import type { SearchRequest } from '@memoric/contracts/search-contract.ts'

const DEFAULT_WEIGHTS = { relevance: 1, recency: 0.15, importance: 0.15, reinforcement: 0.05 } as const

export type Weights = Readonly<Record<keyof typeof DEFAULT_WEIGHTS, number>>

/** The weights of a request; those left out have their defaults, and without words there is no relevance. */
export function weightsOf({ weights = {} }: SearchRequest, hasWords: boolean): Weights {
  const given = Object.fromEntries(Object.entries(weights).filter(([, weight]) => weight !== undefined))
  const complete = { ...DEFAULT_WEIGHTS, ...given }
  return hasWords ? complete : { ...complete, relevance: 0 }
}

/** What the weights add up to, by which scores are divided: 1 when all are 0. */
export function totalOf(weights: Weights): number {
  return Object.values(weights).reduce((sum, weight) => sum + weight, 0) || 1
}
