export const DAY_MS = 86_400_000

/** Steps of the bounds within one half-life, and how many there are. */
const STEPS = 8
const BOUNDS = 512

/** Recency at the beginning of each step, a little more so that rounding never makes it less than what it bounds. */
const bounds = Float64Array.from({ length: BOUNDS }, (_, step) => 0.5 ** (step / STEPS) * (1 + 1e-12))

/** 1 for what happens now or later, half for every half-life before. Times in ms, points in time since the epoch. */
export function recencyOf(occurredAt: number, now: number, halfLife: number): number {
  return 0.5 ** (ageOf(occurredAt, now) / halfLife)
}

/** At least the recency, within 10 % of it for what is not many half-lives old, without computing a power. */
export function recencyBound(occurredAt: number, now: number, halfLife: number): number {
  const step = Math.floor((ageOf(occurredAt, now) / halfLife) * STEPS)
  return bounds[Math.min(step, BOUNDS - 1)] ?? 1
}

/** ms */
export function ageOf(occurredAt: number, now: number): number {
  return Math.max(0, now - occurredAt)
}
