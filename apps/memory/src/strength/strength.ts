import { DAY_MS, recencyOf } from '../search/recency.ts'

/** What of a memory decides how strong it is. */
export interface Remembered {
  /** 0..1 */
  readonly importance: number
  /** How often its content was written, and how often searches found it, where that is counted. */
  readonly seenCount: number
  readonly recalls: number
  /** When it was written or found last. */
  readonly lastUsedAt: Date
}

/** How strong a memory is, and what that comes from. */
export interface Strength {
  /** 0..1: 1 when it was used just now, half after every half-life. */
  readonly value: number
  readonly halfLifeDays: number
  readonly uses: number
}

/** Half-life of what was used once and is of medium importance. */
export const HALF_LIFE_DAYS = 7
/** Uses beyond these make nothing stronger. */
const MOST_USES = 100

/**
 * How strong a memory is now: a forgetting curve, of which every use after the first stretches the half-life by as much again, and
 * importance by 0.5 to 1.5. It depends on nothing but its input, so that looking at a memory twice is looking at it once.
 */
export function strengthOf({ importance, seenCount, recalls, lastUsedAt }: Remembered, now: Date): Strength {
  const uses = Math.min(MOST_USES, Math.max(1, seenCount) + Math.max(0, recalls))
  const halfLifeDays = HALF_LIFE_DAYS * uses * (0.5 + importance)
  return { value: recencyOf(lastUsedAt.getTime(), now.getTime(), halfLifeDays * DAY_MS), halfLifeDays, uses }
}
