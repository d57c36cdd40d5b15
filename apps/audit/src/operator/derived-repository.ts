import type { Tx } from '@memoric/postgres/lease.ts'

/** What is counted of the lines of one day, and how many there are. */
export interface DayCount {
  readonly tenant_id: string
  /** Null for all days together. */
  readonly day: string | null
  readonly operation: string
  readonly outcome: string
  readonly counted: number
  readonly lines: number
}

/**
 * Days that have another number of lines than is counted. Of a month that retention dropped, and of the days beside it, more may be
 * counted than there are.
 */
export async function miscountedDays(tx: Tx, limit: number): Promise<readonly DayCount[]> {
  return await tx<DayCount[]>`
    with present as (
      select tenant_id, (occurred_at at time zone 'UTC')::date as day, operation, outcome, count(*) as events
      from audit_logs group by 1, 2, 3, 4
    ), dropped as (
      select tenant_id, to_date(right(partition, 7), 'YYYY_MM') as month from retention_runs
    )
    select tenant_id, to_char(day, 'YYYY-MM-DD') as day, operation, outcome,
      coalesce(known.events, 0) as counted, coalesce(present.events, 0) as lines
    from present full join audit_days as known using (tenant_id, day, operation, outcome)
    where known.events is distinct from present.events and not (
      known.events > coalesce(present.events, 0) and exists (
        select from dropped where dropped.tenant_id = known.tenant_id
          and known.day between month - 1 and (month + interval '1 month')::date))
    order by tenant_id, day, operation, outcome limit ${limit}`
}

/** Tenants that retention dropped lines of, of which another number of lines is counted than they ever had: those have no gap. */
export async function miscountedTenants(tx: Tx, limit: number): Promise<readonly DayCount[]> {
  return await tx<DayCount[]>`
    select tenant_id, null as day, '' as operation, '' as outcome, counted, lines from (
      select tenant_id,
        (select coalesce(sum(events), 0) from audit_days where audit_days.tenant_id = runs.tenant_id)::bigint as counted,
        greatest(max(upper(sequences)) - 1,
          (select max(tenant_seq) from audit_logs where audit_logs.tenant_id = runs.tenant_id)) as lines
      from retention_runs as runs group by tenant_id
    ) as tenants
    where counted <> lines order by tenant_id limit ${limit}`
}

/** The lines that tell of what happened in ten minutes, and the bounds that are known of them, null where there are none. */
export interface SlotBounds {
  readonly tenant_id: string
  readonly slot: Date
  readonly log_index: number
  readonly first: number
  readonly last: number
  readonly known_first: number | null
  readonly known_last: number | null
}

/** Ten minutes whose bounds leave lines out. Wider ones leave out none. */
export async function narrowSlots(tx: Tx, limit: number): Promise<readonly SlotBounds[]> {
  return await tx<SlotBounds[]>`
    with present as (
      select tenant_id, audit_slot(occurred_at) as slot, min(log_index) as log_index, min(tenant_seq) as first,
        max(tenant_seq) as last
      from audit_logs group by 1, 2
    )
    select tenant_id, slot, log_index, first, last, first_seq as known_first, last_seq as known_last
    from present left join audit_slots as known using (tenant_id, slot)
    where first_seq is null or first_seq > first or last_seq < last
    order by tenant_id, slot limit ${limit}`
}
