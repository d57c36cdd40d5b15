import type { Sql } from '@memoric/postgres/client.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { Logger } from '@memoric/service/logger.ts'

/** Months for which partitions exist ahead of time: the service may be down that long and find its place. */
const MONTHS_AHEAD = 3
const DAY_MS = 86_400_000

/** Makes the partitions that are missing; gives how many. */
export async function ensurePartitions(sql: Sql, monthsAhead: number = MONTHS_AHEAD): Promise<number> {
  const [[row]] = await systemFlight(sql, (tx) => [
    tx<{ made: number }[]>`select ensure_partitions(${monthsAhead}) as made`,
  ])
  return row?.made ?? 0
}

/** Makes partitions every day until stopped. A day that fails is made up for on the next. */
export function keepPartitions(sql: Sql, log: Logger): { stop: () => void } {
  const timer = setInterval(() => {
    ensurePartitions(sql).catch((error: unknown) => log.error({ err: error }, 'partitions could not be made'))
  }, DAY_MS)
  return { stop: () => clearInterval(timer) }
}
