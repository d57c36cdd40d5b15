import type { ISql } from 'postgres'
import { DatabaseUnavailable, isServerError } from './database-error.ts'
import type { Lane } from './lane-pool.ts'

/** The handle of one transaction: tagged template, `unsafe`, `json`, `array`, `typed`. Of no use once the transaction is over. */
export type Tx = ISql

/** One transaction's hold on a lane. */
export interface Lease {
  readonly tx: Tx
  /** First error of a statement; a transaction with one never commits. */
  error(): unknown
  /** False when what was sent and what was answered may not match any more, so that the connection cannot be used again. */
  isClean(): boolean
  /** True when the query was made by this lease's `tx`. */
  owns(query: unknown): boolean
  /** No statement of `tx` is sent from here on. */
  close(): void
}

/**
 * What postgres.js 3.4.9 keeps in a query (src/query.js): `handler` sends it, `reject` settles it, a `cancelled` query is skipped
 * when its turn comes.
 */
interface SentQuery extends Promise<unknown> {
  handler: (query: SentQuery) => void
  reject: (error: unknown) => void
  cancelled: unknown
}

const skipped = { resolve: () => undefined, reject: () => undefined }

/**
 * Opens a lease. It stands between the transaction and postgres.js, which alone would, when a parameter cannot be written, send the
 * statements after it (the commit too) and give them each other's answers; when the connection is lost, leave waiting statements
 * unsettled for ever; and send on a connection that is gone.
 */
export function openLease(lane: Lane): Lease {
  const { handle } = lane
  const sent: SentQuery[] = []
  let failed: { error: unknown } | undefined
  let clean = true
  let open = true

  function fail(error: unknown): void {
    failed ??= { error }
    if (isServerError(error) || !clean) return
    clean = false
    for (const query of sent) {
      query.cancelled ??= skipped
      const { reject } = query
      reject(failed.error)
    }
  }

  function whyNot(): unknown {
    if (!open) return new Error('this transaction is over')
    if (!clean || !lane.alive) return failed?.error ?? new DatabaseUnavailable('the connection was lost')
    return undefined
  }

  function adopt<T>(value: T): T {
    if (!(value instanceof Promise)) return value
    const query = value as T & SentQuery
    const { handler, reject } = query
    query.reject = (error) => {
      query.catch(() => undefined) // the transaction fails with it, also when nobody awaits this statement
      reject(error)
      fail(error)
    }
    query.handler = (self) => {
      const obstacle = whyNot()
      if (obstacle !== undefined) {
        reject(obstacle)
        return
      }
      sent.push(self)
      handler(self)
    }
    owned.add(query)
    return query
  }

  const owned = new WeakSet()
  lane.onLost = fail
  const call = handle as unknown as (...args: unknown[]) => unknown
  const tag = (...args: unknown[]) => adopt(call(...args))
  const unsafe: Tx['unsafe'] = (...args) => adopt(handle.unsafe(...args))
  const json: Tx['json'] = (value) => handle.json(value)
  const array: Tx['array'] = (value, type) => handle.array(value, type)
  const { typed, types } = handle
  const tx = Object.assign(tag, { json, array, typed, types, unsafe }) as unknown as Tx
  return {
    tx,
    error: () => failed?.error,
    isClean: () => clean && lane.alive,
    owns: (query) => typeof query === 'object' && query !== null && owned.has(query),
    close: () => void (open = false),
  }
}
