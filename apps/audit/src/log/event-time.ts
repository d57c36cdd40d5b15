/** How far the clock of a producer may be off, ms. */
export const CLOCK_SKEW_MS = 86_400_000

const MAX_TIME = 2 ** 48 - 1

/** When a UUIDv7 was made, ms since the epoch; undefined for another version (RFC 9562 section 5.7). */
export function timeOfId(id: string): number | undefined {
  return id[14] === '7' ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : undefined
}

/** The least event id of an instant, ms since the epoch. */
export function leastIdOf(time: number): string {
  const clock = Math.min(Math.max(time, 0), MAX_TIME).toString(16).padStart(12, '0')
  return `${clock.slice(0, 8)}-${clock.slice(8)}-0000-0000-000000000000`
}
