import { plainArray } from './array-parameter.ts'
import type { Sql } from './client.ts'
import type { Tx } from './lease.ts'
import { systemFlight } from './tenant-transaction.ts'

/** A row of the outbox, held by this relay until its transaction ends. */
export interface ClaimedRow {
  /** UUID of the event: the message id. */
  readonly id: string
  readonly subject: string
  readonly payload: string
}

export interface OutboxStats {
  /** Rows that wait to be published. */
  readonly unpublished: number
  /** Rows that are published and wait for their confirmation. */
  readonly unconfirmed: number
  /** Age of the oldest row that waits to be published, ms; 0 when there is none. */
  readonly oldestMs: number
}

/** Up to `limit` unpublished rows that no other relay holds: those tried least often first, the oldest of them first. */
export function claimUnpublished(tx: Tx, limit: number): Promise<readonly ClaimedRow[]> {
  return tx<ClaimedRow[]>`
    select event_id as id, subject, payload from outbox
    where published_at is null
    order by attempts, created_at
    limit ${limit}
    for update skip locked`
}

/** Counts an attempt for each row and marks those that were stored as published. */
export async function markAttempted(tx: Tx, rows: readonly ClaimedRow[], stored: readonly ClaimedRow[]): Promise<void> {
  const storedIds = new Set(stored.map(({ id }) => id))
  const failed = rows.filter(({ id }) => !storedIds.has(id)).map(({ id }) => id)
  if (storedIds.size > 0) {
    await tx`
      update outbox set attempts = attempts + 1, published_at = clock_timestamp()
      where event_id = any(${plainArray([...storedIds])}::uuid[])`
  }
  if (failed.length > 0)
    await tx`update outbox set attempts = attempts + 1 where event_id = any(${plainArray(failed)}::uuid[])`
}

export async function hasUnpublished(sql: Sql): Promise<boolean> {
  const [[row]] = await systemFlight(sql, (tx) => [
    tx<{ waiting: boolean }[]>`select exists (select 1 from outbox where published_at is null) as waiting`,
  ])
  return row?.waiting === true
}

/** Rows that are made unpublished again at once, at most. */
export const RELEASED_MAX = 10_000

/** Makes rows unpublished again that were published `afterMs` ago and not confirmed. Resolves to their number. */
export async function releaseUnconfirmed(sql: Sql, afterMs: number): Promise<number> {
  const [released] = await systemFlight(sql, (tx) => [
    tx`
      update outbox set published_at = null
      where event_id in (
        select event_id from outbox
        where published_at < clock_timestamp() - ${afterMs}::float8 * interval '1 ms'
        limit ${RELEASED_MAX}
        for update skip locked)`,
  ])
  return released.count
}

/** Deletes rows by their event ids, and counts them for their tenant and hour. */
export async function deleteConfirmed(sql: Sql, eventIds: readonly string[]): Promise<void> {
  await systemFlight(sql, (tx) => [
    tx`
      with gone as (
        delete from outbox where event_id = any(${plainArray(eventIds)}::uuid[]) returning tenant_id, event_id
      )
      insert into outbox_counts as known (tenant_id, hour, events, id_sum)
      select tenant_id, event_hour(event_id), count(*), sum(event_mark(event_id))
      from gone group by 1, 2 order by 1, 2
      on conflict (tenant_id, hour) do update set
        events = known.events + excluded.events, id_sum = known.id_sum + excluded.id_sum`,
  ])
}

export async function outboxStats(sql: Sql): Promise<OutboxStats> {
  const [[row]] = await systemFlight(sql, (tx) => [
    tx<OutboxStats[]>`
      select count(*) filter (where published_at is null) as unpublished,
        count(*) filter (where published_at is not null) as unconfirmed,
        coalesce(extract(epoch from clock_timestamp() - min(created_at) filter (where published_at is null)) * 1000, 0)::float8
          as "oldestMs"
      from outbox`,
  ])
  return row ?? { unpublished: 0, unconfirmed: 0, oldestMs: 0 }
}
