import type { Sql } from './client.ts'
import { systemFlight } from './tenant-transaction.ts'

/** Events of a tenant whose ids are of one hour. */
export interface HourCount {
  readonly tenantId: string
  readonly events: number
  /** Sum of the last 48 bits of their ids, in decimal. */
  readonly idSum: string
}

/** What an outbox knows of an hour. */
export interface CountedHour {
  /** Hours since 1970-01-01T00:00Z: counting began within it, so the next is the first that is complete. */
  readonly since: number
  /** Events of the hour that are in the outbox still. */
  readonly waiting: number
  /** Up to `limit` tenants, by id. */
  readonly counts: HourCount[]
}

/** How many events of an hour have left the outbox, for tenants with an id above `after`. */
export async function countedHour(sql: Sql, hour: number, after: string, limit: number): Promise<CountedHour> {
  const [[row], counts] = await systemFlight(sql, (tx) => [
    tx<{ since: number; waiting: number }[]>`
      select min(hour) as since, (select count(*) from outbox where event_hour(event_id) = ${hour}) as waiting
      from outbox_counts`,
    tx<HourCount[]>`
      select tenant_id as "tenantId", events, id_sum::text as "idSum" from outbox_counts
      where hour = ${hour} and tenant_id > ${after} and events > 0
      order by tenant_id limit ${limit}`,
  ])
  return { since: row?.since ?? hour, waiting: row?.waiting ?? 0, counts: [...counts] }
}
