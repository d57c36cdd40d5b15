import { z } from 'zod'

/** Longest Idempotency-Key, characters. */
const MAX_LENGTH = 255

/** A string of RFC 8941 section 3.3.3: printable ASCII in double quotes, in which a backslash goes before each of `"` and `\`. */
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/
/** Without a comma, with which a header that came twice is put together. */
const BARE = /^(?!")[\x21-\x2b\x2d-\x7e](?:[\x20-\x2b\x2d-\x7e]*[\x21-\x2b\x2d-\x7e])?$/

/**
 * The header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a string in quotes as RFC 8941 writes it, or the same
 * text without quotes; `1..255` printable ASCII characters.
 */
export const idempotencyKey = z.object({
  'idempotency-key': z
    .string()
    .transform((value) => unquoted(value))
    .refine((key) => key.length >= 1 && key.length <= MAX_LENGTH, {
      error: `must have 1 to ${MAX_LENGTH} printable ASCII characters, in double quotes or bare`,
    })
    .meta({
      description: 'the same key with the same request within 24 hours gives the same answer and does nothing more',
    })
    .optional(),
})

/** The empty text for what is no key. */
function unquoted(value: string): string {
  const quoted = QUOTED.exec(value)?.[1]
  if (quoted !== undefined) return quoted.replaceAll(/\\(.)/g, '$1')
  return BARE.test(value) ? value : ''
}
