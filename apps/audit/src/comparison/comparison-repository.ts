import type { Tx } from '@memoric/postgres/lease.ts'

/** The rest has its turn the next time. */
const HOURS_AT_ONCE = 200

/** What the log has of a tenant and an hour. */
export interface LoggedCount {
  readonly tenantId: string
  readonly events: number
  /** Sum of the last 48 bits of the event ids, in decimal. */
  readonly idSum: string
}

/** Events whose ids are of `hour`, in the log or kept as dead letters, by tenant. */
export function countLogged(tx: Tx, hour: number, sources: readonly string[]) {
  return tx<LoggedCount[]>`
    with bounds as (
      select least_event_id(to_timestamp(${hour}::bigint * 3600)) as first,
        least_event_id(to_timestamp((${hour}::bigint + 1) * 3600)) as beyond
    ), known as (
      select tenant_id, event_id from audit_logs
      where event_id >= (select first from bounds) and event_id < (select beyond from bounds)
        and source = any(${[...sources]}::text[])
      union
      select tenant_id, event_id from dead_letters
      where event_id >= (select first from bounds) and event_id < (select beyond from bounds)
        and app = any(${sources.map((source) => source.slice('memoric/'.length))}::text[]) and tenant_id is not null
    )
    select tenant_id as "tenantId", count(*) as events, sum(event_mark(event_id))::text as "idSum"
    from known group by tenant_id`
}

/** Hours of `from` to `to` that were not compared yet, oldest first. */
export function hoursToCompare(tx: Tx, app: string, from: number, to: number) {
  return tx<{ hour: number }[]>`
    select asked.hour from generate_series(${from}::integer, ${to}::integer) as asked (hour)
    where not exists (select from compared_hours as done where done.app = ${app} and done.hour = asked.hour)
    order by asked.hour limit ${HOURS_AT_ONCE}`
}

/** False when somebody else was first. */
export async function insertCompared(tx: Tx, app: string, hour: number, differences: number): Promise<boolean> {
  const rows = await tx`
    insert into compared_hours (app, hour, differences) values (${app}, ${hour}, ${differences})
    on conflict (app, hour) do nothing returning hour`
  return rows.length > 0
}
