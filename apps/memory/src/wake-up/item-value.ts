const DAY_MS = 86_400_000

/** How much of 1 is left of something new after so much time, when half of it goes in `halfLifeDays`; what is to come is new. */
export function freshness(now: Date, occurredAt: Date, halfLifeDays: number): number {
  const days = Math.max(0, now.getTime() - occurredAt.getTime()) / DAY_MS
  return 2 ** (-days / halfLifeDays)
}

/** The day of something, in UTC. */
export function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10)
}
