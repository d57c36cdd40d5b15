import { reinforcementOf } from '../search/document-scores.ts'
import type { RankingPolicy } from '../search/ranking-policy.ts'
import { DAY_MS, recencyOf } from '../search/recency.ts'

/** What of a memory its score depends on when nothing is asked for. */
export interface Scored {
  readonly importance: number
  readonly seenCount: number
  readonly occurredAt: Date
}

/** The score of a memory by itself, 0..1: as a search without words and rules would give it. `now` in ms since the epoch. */
export function scoreOf({ weights, halfLifeDays }: RankingPolicy, memory: Scored, now: number): number {
  const { recency, importance, reinforcement } = weights
  const sum =
    recency * recencyOf(memory.occurredAt.getTime(), now, halfLifeDays * DAY_MS) +
    importance * memory.importance +
    reinforcement * reinforcementOf(memory.seenCount)
  return sum / (recency + importance + reinforcement || 1)
}
