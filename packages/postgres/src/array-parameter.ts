import type { ArrayParameter } from 'postgres'
import type { Tx } from './lease.ts'

/** Types that postgres.js takes for a single value when it guesses by the first element of an array. */
const OID = { bytea: 17, timestamptz: 1184 } as const

/** A `bytea[]` parameter. */
export function byteaArray(tx: Tx, values: readonly (Buffer | null)[]): ArrayParameter {
  return tx.array([...values], OID.bytea)
}

/** A `timestamptz[]` parameter. */
export function timestampArray(tx: Tx, values: readonly (Date | null)[]): ArrayParameter {
  return tx.array([...values], OID.timestamptz)
}

/** The literal of an array whose elements need no quotation marks: UUIDs, numbers, times. A third of the work of the driver. */
export function plainArray(values: readonly (string | number | null)[]): string {
  return `{${values.map((value) => value ?? 'null').join(',')}}`
}

const QUOTED = /["\\]/g

/** The literal of a `text[]` (PostgreSQL manual, section 8.15.6). */
export function textArray(values: readonly (string | null)[]): string {
  return `{${values.map((value) => (value === null ? 'null' : quote(value))).join(',')}}`
}

function quote(value: string): string {
  return value.includes('"') || value.includes('\\') ? `"${value.replace(QUOTED, '\\$&')}"` : `"${value}"`
}

/** The literal of a `bytea[]`. */
export function hexArray(values: readonly Buffer[]): string {
  return `{${values.map((value) => `"\\\\x${value.toString('hex')}"`).join(',')}}`
}
