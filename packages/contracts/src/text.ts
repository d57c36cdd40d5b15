import { z } from 'zod'

const encoder = new TextEncoder()

/** Length of `text` in UTF-8 bytes. */
export function utf8Length(text: string): number {
  return encoder.encode(text).length
}

/** Whether `text` has at most `max` code points. */
function fits(text: string, max: number): boolean {
  return text.length <= max || Array.from(text).length <= max
}

/** Text of `1..max` code points that is not blank. */
export function text(max: number) {
  return z
    .string()
    .refine((value) => fits(value, max), { error: `must have at most ${max} characters` })
    .refine((value) => !value.includes('\0'), { error: 'must not contain NUL' })
    .refine((value) => value.trim() !== '', { error: 'must not be blank' })
    .meta({ minLength: 1, maxLength: max })
}

/** Text of `1..max` UTF-8 bytes that is not blank. */
export function textBytes(max: number) {
  return z
    .string()
    .refine((value) => utf8Length(value) <= max, { error: `must have at most ${max} bytes in UTF-8` })
    .refine((value) => value.trim() !== '', { error: 'must not be blank' })
    .meta({ minLength: 1, maxLength: max })
}

/** A name that the caller chooses: `1..max` characters, no control characters, no space at the ends. */
export function identifierOf(max: number) {
  return z
    .string()
    .refine((value) => fits(value, max), { error: `must have at most ${max} characters` })
    .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, { error: 'must not contain control characters' })
    .refine((value) => value !== '' && value.trim() === value, {
      error: 'must not be empty, or begin or end with a space',
    })
    .meta({ minLength: 1, maxLength: max })
}

/** A subject, a namespace, a thread or a session. */
export const identifier = identifierOf(128)

const YEAR_1 = Date.parse('0001-01-01T00:00:00Z')
const YEAR_10000 = Date.UTC(10_000, 0)

/** A point in time of the years 1 to 9999 (RFC 3339 and databases differ on year 0), with an offset; answered in UTC. */
export const timestamp = z.iso
  .datetime({ offset: true })
  .refine((value) => Date.parse(value) >= YEAR_1 && Date.parse(value) < YEAR_10000, {
    error: 'must be in the years 1 to 9999 in UTC',
  })

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }

/** Any JSON value. */
export const jsonValue: z.ZodType<JsonValue> = z
  .lazy(() =>
    z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(jsonValue), z.record(z.string(), jsonValue)]),
  )
  .meta({ id: 'JsonValue' })

/** A JSON object of any shape, at most `maxBytes` once serialised. */
export function jsonObject(maxBytes: number) {
  return z.record(z.string(), jsonValue).refine((value) => utf8Length(JSON.stringify(value)) <= maxBytes, {
    error: `must have at most ${maxBytes} bytes as JSON`,
  })
}

/** A whole number in a query string, e.g. `?limit=20`. */
export function queryInteger(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/, { error: 'must be a whole number' })
    .transform(Number)
    .pipe(z.int().min(min).max(max))
}
