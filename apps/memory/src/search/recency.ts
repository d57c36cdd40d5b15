export const DAY_MS = 86_400_000

/** After so many days a memory counts half as recent. */
export const HALF_LIFE_DAYS = 30

const HALF_LIFE_MS = HALF_LIFE_DAYS * DAY_MS

/** Steps of the bounds within one half-life, and how many there are. */
const STEPS = 8
const BOUNDS = 512

/** Recency at the beginning of each step, a little more so that rounding never makes it less than what it bounds. */
const bounds = Float64Array.from({ length: BOUNDS }, (_, step) => 0.5 ** (step / STEPS) * (1 + 1e-12))

/** 1 for what happens now or later, half for every 30 days before. Times in ms since the epoch. */
export function recencyOf(occurredAt: number, now: number): number {
  return 0.5 ** (ageOf(occurredAt, now) / HALF_LIFE_MS)
}

/** At least the recency, within 10 % of it for what is not years old, without computing a power. */
export function recencyBound(occurredAt: number, now: number): number {
  const step = Math.floor((ageOf(occurredAt, now) / HALF_LIFE_MS) * STEPS)
  return bounds[Math.min(step, BOUNDS - 1)] ?? 1
}

/** ms */
export function ageOf(occurredAt: number, now: number): number {
  return Math.max(0, now - occurredAt)
}
