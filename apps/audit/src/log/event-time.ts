/** How far the clock of a producer may be off, ms. */
export const CLOCK_SKEW_MS = 86_400_000

/** When a UUIDv7 was made, ms since the epoch; undefined for another version (RFC 9562 section 5.7). */
export function timeOfId(id: string): number | undefined {
  return id[14] === '7' ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : undefined
}
