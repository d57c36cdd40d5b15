import type { Sql } from '@memoric/postgres/client.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { LogRow } from '../log/log-page-repository.ts'

const NAME = 'noticing'

/** Lines that the log has and that were not looked at. */
export async function linesBehind(sql: Sql): Promise<number> {
  const [[row]] = await systemFlight(sql, (tx) => [
    tx<{ behind: number }[]>`
      select size - (select next_index from log_followers where name = ${NAME}) as behind from log_state`,
  ])
  return row?.behind ?? 0
}

/** The next line to look at, for the one process that gets the lock; undefined for the others. */
export async function lockNextIndex(tx: Tx): Promise<number | undefined> {
  const [row] = await tx<{ next: number }[]>`
    select next_index as next from log_followers where name = ${NAME} for update skip locked`
  return row?.next
}

export async function readSize(tx: Tx): Promise<number> {
  const [row] = await tx<{ size: number }[]>`select size from log_state`
  return row?.size ?? 0
}

export function saveNextIndex(tx: Tx, next: number) {
  return tx`update log_followers set next_index = ${next}, followed_at = now() where name = ${NAME}`
}

/** Lines from a place of the log on; with what it takes to open their personal data where a detection looks at it. */
export function readLines(tx: Tx, from: number, to: number, limit: number) {
  return tx<LogRow[]>`
    with lines as materialized (
      select * from audit_logs where log_index >= ${from} and log_index < ${to} order by log_index limit ${limit}
    )
    select lines.log_index, lines.event_id, lines.tenant_id, lines.tenant_seq, lines.occurred_at, lines.received_at, lines.source,
      lines.actor_type, lines.actor_id, lines.operation, lines.resource_type, lines.resource_id, lines.outcome, lines.reason,
      lines.endpoint, lines.method, lines.status_code, lines.duration_ms, lines.request_id, lines.details, null as canonical,
      personal_data.actor, personal_data.sealed, actor_keys.key_id, actor_keys.wrapped
    from lines
    left join personal_data on (lines.operation = 'auth.login.failed' or lines.actor_type = 'api_key')
      and personal_data.tenant_id = lines.tenant_id and personal_data.event_id = lines.event_id
    left join actor_keys on actor_keys.tenant_id = personal_data.tenant_id and actor_keys.actor = personal_data.actor
      and actor_keys.key_id = personal_data.key_id
    order by lines.log_index`
}
