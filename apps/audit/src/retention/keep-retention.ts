import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { dropLetters } from '../dead-letters/drop-letters.ts'
import { emptyLettersOf, type EmptyingDeps } from '../dead-letters/empty-letters.ts'
import { internalContext } from '../internal-context.ts'
import { selectRecentlyErased } from '../personal/person-erasure-repository.ts'
import { runRetention, type RetentionRunDeps } from './run-retention.ts'

export interface KeepRetentionDeps extends RetentionRunDeps, EmptyingDeps {
  readonly log: Pick<Logger, 'error' | 'info'>
  readonly defaultRetentionDays: number | null
  readonly deadLetterDays: number
}

const DAY_MS = 86_400_000
/** After the start, when there is less to do. */
const FIRST_MS = 60_000
/** Longer than the stream keeps events: one of before an erasure may become a dead letter so long afterwards. */
const LATE_DAYS = 8

/** Drops what may go, a minute after the start and then every day. A day that fails is made up for on the next. */
export function keepRetention(deps: KeepRetentionDeps): { stop: () => void } {
  const first = setTimeout(run, FIRST_MS).unref()
  const timer = setInterval(run, DAY_MS).unref()

  function run(): void {
    keepOnce(deps).catch((error: unknown) => deps.log.error({ err: error }, 'retention could not run'))
  }

  return {
    stop() {
      clearTimeout(first)
      clearInterval(timer)
    },
  }
}

/** Drops lines and dead letters whose time is over, and empties dead letters that came after the erasure of whom they name. */
export async function keepOnce(deps: KeepRetentionDeps): Promise<void> {
  const context = internalContext('service:audit')
  const runs = await runRetention(deps, deps.defaultRetentionDays, context)
  if (runs.length > 0) deps.log.info({ runs }, 'lines whose time is over were dropped')
  const letters = await dropLetters(deps, deps.deadLetterDays, context)
  if (letters > 0) deps.log.info({ letters }, 'dead letters whose time is over were dropped')
  const [persons] = await systemFlight(deps.sql, (tx) => [selectRecentlyErased(tx, LATE_DAYS)])
  for (const person of persons) await emptyLettersOf(deps, person)
}
