import { COUNTED_TENANTS, type CountAnswer, type CountQuestion } from '@memoric/contracts/signals.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { countLogged, type LoggedCount } from './comparison-repository.ts'

/** A tenant of which the log has other events of an hour than its app has counted. */
export interface Difference {
  readonly tenantId: string
  /** Events that the app counted, and those of the log. */
  readonly counted: number
  readonly logged: number
  /** Whether the same number of events are other events. */
  readonly others: boolean
}

/** An app whose outbox is compared with the log, and where its events say that they come from. */
export interface ComparedApp {
  readonly app: string
  readonly sources: readonly string[]
  readonly ask: (question: CountQuestion) => Promise<CountAnswer>
}

export const NO_TENANT = '00000000-0000-0000-0000-000000000000'

/** Undefined while events of the hour are on their way. */
export async function compareHour(
  sql: Sql,
  { sources, ask }: ComparedApp,
  hour: number,
): Promise<readonly Difference[] | undefined> {
  const counted = new Map<string, LoggedCount>()
  for (let after = NO_TENANT; ;) {
    const { waiting, counts } = await ask({ hour, after })
    if (waiting > 0) return undefined
    for (const count of counts) counted.set(count.tenantId, count)
    const last = counts.at(-1)
    if (last === undefined || counts.length < COUNTED_TENANTS) break
    after = last.tenantId
  }
  const [rows] = await systemFlight(sql, (tx) => [countLogged(tx, hour, sources)])
  const logged = new Map(rows.map((row) => [row.tenantId, row]))
  return [...new Set([...counted.keys(), ...logged.keys()])].flatMap((tenantId) =>
    differenceOf(tenantId, counted.get(tenantId), logged.get(tenantId)),
  )
}

function differenceOf(tenantId: string, counted?: LoggedCount, logged?: LoggedCount): Difference[] {
  const [before, after] = [counted?.events ?? 0, logged?.events ?? 0]
  const others = before === after && counted?.idSum !== logged?.idSum
  return before === after && !others ? [] : [{ tenantId, counted: before, logged: after, others }]
}
