import { createClient, type ClientOptions } from './client.ts'
import type { Tx } from './lease.ts'
import { ask } from './transaction.ts'

/** Reads outside of any tenant, like systemFlight, for questions that are asked too often to put a transaction around each. */
export interface SystemReader {
  /** The answer to one statement. Throws its error; DatabaseUnavailable when there is no connection. */
  ask<T>(question: (tx: Tx) => PromiseLike<T>): Promise<T>
  end(): Promise<void>
}

/** Connections of their own: what is asked on them is in the system scope from the first byte on, and cannot write. */
export function createSystemReader(options: ClientOptions): SystemReader {
  const settings = { ...options.settings, 'memoric.system': 'on', default_transaction_read_only: 'on' }
  const sql = createClient({ ...options, settings })
  return { ask: (question) => ask(sql, question), end: () => sql.end() }
}
