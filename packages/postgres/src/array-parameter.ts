const QUOTED = /["\\]/g

/**
 * Array literals (PostgreSQL manual, section 8.15.6), to be cast where they stand: `${uuids}::uuid[]`. They cost a third of what the
 * driver's own arrays cost, which it escapes value by value.
 */

/** Of elements that need no quotation marks: UUIDs, numbers. */
export function plainArray(values: readonly (string | number | bigint | null)[]): string {
  return `{${values.map((value) => value ?? 'null').join(',')}}`
}

/** Of a `text[]`. */
export function textArray(values: readonly (string | null)[]): string {
  return `{${values.map((value) => (value === null ? 'null' : quote(value))).join(',')}}`
}

function quote(value: string): string {
  return value.includes('"') || value.includes('\\') ? `"${value.replace(QUOTED, '\\$&')}"` : `"${value}"`
}

/** Of a `bytea[]`. */
export function byteaArray(values: readonly (Buffer | null)[]): string {
  return `{${values.map((value) => (value === null ? 'null' : `"\\\\x${value.toString('hex')}"`)).join(',')}}`
}

/** Of a `timestamptz[]`. */
export function timestampArray(values: readonly (Date | null)[]): string {
  return plainArray(values.map((value) => value?.toISOString() ?? null))
}

/**
 * JSON texts, for `string_to_array(.., chr(10))`: without line breaks, as JSON.stringify writes them, so that none of their many
 * quotation marks needs to be escaped.
 */
export function jsonLines(texts: readonly string[]): string {
  return texts.join('\n')
}
