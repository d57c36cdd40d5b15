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
