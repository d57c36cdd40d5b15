import { createClient, type ClientOptions } from './client.ts'
import type { Tx } from './lease.ts'
import { ask } from './transaction.ts'

/** Reads outside of any tenant, like systemFlight, for questions that are asked too often to put a transaction around each. */
export interface SystemReader {
  /** The answer to one statement. Throws its error; DatabaseUnavailable when there is no connection. */
  ask<T>(question: (tx: Tx) => PromiseLike<T>): Promise<T>
  end(): Promise<void>
}

/** Like SystemReader, also for statements that count: each is a transaction of its own, which a crash of PostgreSQL may undo. */
export type SystemCounter = SystemReader

/** Connections of their own: what is asked on them is in the system scope from the first byte on, and cannot write. */
export function createSystemReader(options: ClientOptions): SystemReader {
  return createAsker(options, { default_transaction_read_only: 'on' })
}

/** Connections of their own, in the system scope, which do not wait for the disk. */
export function createSystemCounter(options: ClientOptions): SystemCounter {
  return createAsker(options, { synchronous_commit: 'off' })
}

function createAsker(options: ClientOptions, settings: Readonly<Record<string, string>>): SystemReader {
  const sql = createClient({ ...options, settings: { ...options.settings, 'memoric.system': 'on', ...settings } })
  return { ask: (question) => ask(sql, question), end: () => sql.end() }
}
