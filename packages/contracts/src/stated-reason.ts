import { z } from 'zod'

/** Header in which a client says why it does what it does; events carry it, so it must not hold personal data. */
export const REASON_HEADER = 'x-memoric-reason'

export const REASON_MAX = 256

/** A reason as a client states it: one line of 1 to 256 characters. */
export const statedReason = z
  .string()
  .trim()
  .min(1, { error: 'must not be empty' })
  .max(REASON_MAX, { error: `must have at most ${REASON_MAX} characters` })
  .regex(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u{fffd}]*$/u, { error: 'must be printable text in UTF-8' })
