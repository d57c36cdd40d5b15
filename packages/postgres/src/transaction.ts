import type { Sql } from './client.ts'
import { asDatabaseError } from './database-error.ts'
import type { Lane } from './lane-pool.ts'
import { openLease, type Lease, type Tx } from './lease.ts'

/** Makes statements without sending them. */
export type FlightWork<Q extends readonly PromiseLike<unknown>[]> = (tx: Tx) => readonly [...Q]

/** The answers to a flight's statements, in their order. */
export type FlightResults<Q extends readonly PromiseLike<unknown>[]> = { -readonly [K in keyof Q]: Awaited<Q[K]> }

interface Executable extends PromiseLike<unknown> {
  execute(): unknown
}

/**
 * One transaction in one round trip: begin, `enter`, the statements and commit are sent without waiting in between.
 * Throws the first error; nothing of the flight is then kept.
 */
export async function fly<const Q extends readonly PromiseLike<unknown>[]>(
  sql: Sql,
  enter: (tx: Tx) => PromiseLike<unknown>,
  work: FlightWork<Q>,
): Promise<FlightResults<Q>> {
  return onLane(sql, async (lease) => {
    const { tx } = lease
    const statements = work(tx)
    for (const statement of statements) if (!lease.owns(statement)) throw new TypeError('a statement of another handle')
    const commit = tx`commit`
    const all = [tx`begin`, enter(tx), ...statements, commit]
    for (const statement of all) (statement as Executable).execute()
    try {
      const [, , ...results] = await Promise.all(all)
      results.pop()
      return results as FlightResults<Q>
    } catch (error) {
      await commit.catch(() => undefined)
      throw lease.error() ?? error
    }
  })
}

/** One statement by itself: a third of the work of a flight. Throws its error; DatabaseUnavailable when there is no connection. */
export function ask<T>(sql: Sql, question: (tx: Tx) => PromiseLike<T>): Promise<T> {
  return onLane(sql, async ({ tx }) => question(tx))
}

/** One transaction in steps. A statement that failed fails the transaction, also when `work` catches the error. */
export async function runTransaction<T>(
  sql: Sql,
  enter: (tx: Tx) => PromiseLike<unknown>,
  work: (tx: Tx) => Promise<T>,
  begin: (tx: Tx) => PromiseLike<unknown> = (tx) => tx`begin`,
): Promise<T> {
  return onLane(sql, async (lease) => {
    const { tx } = lease
    // Sent ahead of the first statements of `work`, without waiting: on one connection they are answered in order.
    const entry = [begin(tx), enter(tx)]
    for (const statement of entry) (statement as Executable).execute()
    const entered = Promise.all(entry)
    entered.catch(() => undefined)
    try {
      const result = await work(tx)
      await entered
      if (lease.error() !== undefined) throw lease.error()
      await tx`commit`
      return result
    } catch (error) {
      if (lease.isClean()) await tx`rollback`.catch(() => undefined)
      throw lease.error() ?? error
    }
  })
}

async function onLane<T>(sql: Sql, work: (lease: Lease) => Promise<T>): Promise<T> {
  const lane: Lane = sql.lanes.take() ?? (await sql.lanes.acquire())
  const lease = openLease(lane)
  try {
    return await work(lease)
  } catch (error) {
    throw asDatabaseError(error)
  } finally {
    lease.close()
    if (!lease.isClean()) lane.destroy()
    sql.lanes.give(lane)
  }
}
