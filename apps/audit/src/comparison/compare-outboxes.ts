import type { TenantId } from '@memoric/contracts/ids.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemFlight, systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { EventFactory, OutboxEvent } from '@memoric/service/event-factory.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { internalContext } from '../internal-context.ts'
import { type ComparedApp, compareHour, type Difference, NO_TENANT } from './compare-hour.ts'
import { hoursToCompare, insertCompared } from './comparison-repository.ts'

export interface ComparisonDeps {
  readonly sql: Sql
  readonly apps: readonly ComparedApp[]
  readonly events: EventFactory
  readonly wakeRelay: () => void
  readonly log: Logger
  readonly now: () => number
  /** Ms between two looks. */
  readonly everyMs?: number
}

/** Compares the log with the outboxes of the apps, every complete hour once. */
export interface Comparison {
  /** Compares what can be compared now. Never rejects. */
  run(): Promise<void>
  /** Differences that this process has found. */
  found(): number
  stop(): void
}

const HOUR_MS = 3_600_000
/** Events may come late: an hour is looked at when it has been over for so long, ms. */
const SETTLED_MS = 10 * 60_000
const EVERY_MS = 10 * 60_000

/** Looks every ten minutes unless told otherwise. A difference is told only when it is there the next time too: events may have been on their way. */
export function createComparison(deps: ComparisonDeps): Comparison {
  const suspects = new Map<string, string>()
  let found = 0
  let running: Promise<void> | undefined

  async function runAll(): Promise<void> {
    for (const app of deps.apps) {
      try {
        await runApp(app)
      } catch (error) {
        deps.log.info({ err: error, app: app.app }, 'the log is compared with this app later')
      }
    }
  }

  async function runApp(app: ComparedApp): Promise<void> {
    const last = Math.floor((deps.now() - SETTLED_MS) / HOUR_MS) - 1
    const { since } = await app.ask({ hour: last, after: NO_TENANT })
    // Counting began within its first hour.
    const [hours] = await systemFlight(deps.sql, (tx) => [hoursToCompare(tx, app.app, since + 1, last)])
    for (const { hour } of hours) await look(app, hour)
  }

  async function look(app: ComparedApp, hour: number): Promise<void> {
    const differences = await compareHour(deps.sql, app, hour)
    if (differences === undefined) return
    const place = `${app.app} ${hour}`
    const seen = JSON.stringify(differences)
    if (differences.length > 0 && suspects.get(place) !== seen) {
      suspects.set(place, seen)
      return
    }
    suspects.delete(place)
    if (await settle(deps, app.app, hour, differences)) found += differences.length
  }

  function run(): Promise<void> {
    running ??= runAll().finally(() => {
      running = undefined
    })
    return running
  }

  const timer = setInterval(() => void run(), deps.everyMs ?? EVERY_MS).unref()
  return { run, found: () => found, stop: () => clearInterval(timer) }
}

/** Notes that an hour was compared, and tells each tenant of its difference. False when another process did. */
async function settle(
  { sql, events, wakeRelay, log }: ComparisonDeps,
  app: string,
  hour: number,
  differences: readonly Difference[],
): Promise<boolean> {
  const isFirst = await systemTransaction(sql, async (tx) => {
    if (!(await insertCompared(tx, app, hour, differences.length))) return false
    await outboxInsert(
      tx,
      differences.map((difference) => differenceEvent(events, app, hour, difference)),
    )
    return true
  })
  if (isFirst && differences.length > 0) {
    wakeRelay()
    log.error(
      { app, hour: startOf(hour), differences: differences.length },
      'the log differs from what an app has counted',
    )
  }
  return isFirst
}

function differenceEvent(events: EventFactory, app: string, hour: number, difference: Difference): OutboxEvent {
  const { tenantId, counted, logged, others } = difference
  return events({
    type: 'audit.difference_found',
    context: internalContext('service:audit'),
    // From a row of that tenant.
    tenantId: tenantId as TenantId,
    resourceId: null,
    statusCode: null,
    outcome: 'failure',
    reason: others ? 'other_events' : logged < counted ? 'events_missing' : 'events_unknown',
    details: { app, hour: startOf(hour), counted, logged },
  })
}

function startOf(hour: number): string {
  return new Date(hour * HOUR_MS).toISOString()
}
