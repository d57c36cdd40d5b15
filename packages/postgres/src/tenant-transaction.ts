import type { Sql } from './client.ts'
import type { Tx } from './lease.ts'
import { fly, runTransaction, type FlightResults, type FlightWork } from './transaction.ts'

/** What a transaction may see: row security compares it with each row. An empty list shows nothing, `'*'` everything of the tenant. */
export interface Scope {
  readonly tenantId: string
  readonly subjects: '*' | readonly string[]
  readonly namespaces: '*' | readonly string[]
}

/**
 * One round trip in a tenant's scope: the statements that `work` makes run in one transaction, sent together.
 * Resolves to their results. Throws the first error (nothing is kept then); DatabaseUnavailable when there is no connection.
 */
export function tenantFlight<const Q extends readonly PromiseLike<unknown>[]>(
  sql: Sql,
  scope: Scope,
  work: FlightWork<Q>,
): Promise<FlightResults<Q>> {
  return fly(sql, (tx) => enterTenant(tx, scope), work)
}

/** A transaction in a tenant's scope, in steps: for work where a statement depends on the answer to another. Throws as tenantFlight. */
export function tenantTransaction<T>(sql: Sql, scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T> {
  return runTransaction(sql, (tx) => enterTenant(tx, scope), work)
}

/** Like tenantTransaction, for reading only: all statements see the database as it was at the first. */
export function tenantSnapshot<T>(sql: Sql, scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T> {
  return runTransaction(
    sql,
    (tx) => enterTenant(tx, scope),
    work,
    (tx) => tx`begin isolation level repeatable read, read only`,
  )
}

/** Like tenantFlight, outside of any tenant: sees what policies open to `memoric.is_system()`. For relays and look-ups before sign-in. */
export function systemFlight<const Q extends readonly PromiseLike<unknown>[]>(
  sql: Sql,
  work: FlightWork<Q>,
): Promise<FlightResults<Q>> {
  return fly(sql, enterSystem, work)
}

/** Like tenantTransaction, outside of any tenant. */
export function systemTransaction<T>(sql: Sql, work: (tx: Tx) => Promise<T>): Promise<T> {
  return runTransaction(sql, enterSystem, work)
}

function enterTenant(tx: Tx, scope: Scope) {
  return tx`
    select set_config('memoric.tenant_id', ${scope.tenantId}, true),
      set_config('memoric.subjects', ${allowed(scope.subjects)}, true),
      set_config('memoric.namespaces', ${allowed(scope.namespaces)}, true)`
}

function enterSystem(tx: Tx) {
  return tx`select set_config('memoric.system', 'on', true)`
}

function allowed(list: '*' | readonly string[]): string {
  return list === '*' ? list : textArray(list)
}

/** Literal of a text[] (PostgreSQL manual, section 8.15.6). */
function textArray(list: readonly string[]): string {
  return `{${list.map((item) => `"${item.replace(/["\\]/g, '\\$&')}"`).join(',')}}`
}
