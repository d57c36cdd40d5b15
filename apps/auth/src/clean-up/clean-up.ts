import type { Sql } from '@memoric/postgres/client.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { type Repeated, repeat } from '../repeat.ts'
import { type Removed, removals, tryLockCleanUp } from './clean-up-repository.ts'

export interface CleanUpOptions {
  readonly sql: Sql
  readonly log: Pick<Logger, 'info' | 'warn'>
  /** Rows that are removed in one transaction. */
  readonly batch?: number
  /** Transactions for one kind of row; what is left waits for the next time. */
  readonly rounds?: number
}

const EVERY_MS = 3_600_000

/** Removes what has ended long ago, about every hour. */
export function startCleanUp(options: CleanUpOptions): Repeated {
  return repeat({ name: 'clean-up', everyMs: EVERY_MS, work: () => cleanUp(options), log: options.log })
}

/** Removes what has ended long ago, in small transactions. Gives how many rows of each kind; of several at once one does it. */
export async function cleanUp(options: CleanUpOptions): Promise<Record<Removed, number>> {
  const names = Object.keys(removals) as Removed[]
  const removed: [Removed, number][] = []
  for (const name of names) removed.push([name, await removeAll(name, options)])
  // One entry for each name.
  const counts = Object.fromEntries(removed) as Record<Removed, number>
  if (removed.some(([, count]) => count > 0)) options.log.info({ removed: counts }, 'removed what has ended long ago')
  return counts
}

async function removeAll(name: Removed, { sql, batch = 1000, rounds = 200 }: CleanUpOptions): Promise<number> {
  let removed = 0
  for (let round = 0; round < rounds; round += 1) {
    const count = await systemTransaction(sql, async (tx) =>
      (await tryLockCleanUp(tx)) ? (await removals[name](tx, batch)).count : 0,
    )
    removed += count
    if (count < batch) break
  }
  return removed
}
