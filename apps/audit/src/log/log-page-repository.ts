import type { ListAuditLogsQuery, Outcome } from '@memoric/contracts/audit-contract.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { filterOf } from './log-filter.ts'

/** A line of the log as a reader's query gives it, with what it takes to open its personal data. */
export interface LogRow {
  readonly log_index: number
  readonly event_id: string
  readonly tenant_id: string
  readonly tenant_seq: number
  readonly occurred_at: Date
  readonly received_at: Date
  readonly source: string
  readonly actor_type: string
  readonly actor_id: string | null
  readonly operation: string
  readonly resource_type: string | null
  readonly resource_id: string | null
  readonly outcome: Outcome
  readonly reason: string | null
  readonly endpoint: string | null
  readonly method: string | null
  readonly status_code: number | null
  readonly duration_ms: number | null
  readonly request_id: string | null
  readonly details: Record<string, JsonValue>
  readonly actor: string | null
  readonly sealed: Buffer | null
  readonly key_id: string | null
  readonly wrapped: Buffer | null
}

export interface LogPage {
  readonly tenantId: string
  /** Lines below this tenant_seq; all when left out. */
  readonly before: number | undefined
  readonly limit: number
}

/** Lines of a tenant, newest first. A sequence once committed never gets a lower one after it, so pages have no gaps. */
export function findLogs(tx: Tx, query: ListAuditLogsQuery, { tenantId, before, limit }: LogPage) {
  return tx<LogRow[]>`
    with page as materialized (
      select * from audit_logs
      where tenant_id = ${tenantId} ${before === undefined ? tx`` : tx`and tenant_seq < ${before}`} ${filterOf(tx, query)}
      order by tenant_seq desc
      limit ${limit}
    )
    select page.log_index, page.event_id, page.tenant_id, page.tenant_seq, page.occurred_at, page.received_at, page.source,
      page.actor_type, page.actor_id, page.operation, page.resource_type, page.resource_id, page.outcome, page.reason,
      page.endpoint, page.method, page.status_code, page.duration_ms, page.request_id, page.details,
      personal_data.actor, personal_data.sealed, actor_keys.key_id, actor_keys.wrapped
    from page
    left join personal_data on personal_data.tenant_id = page.tenant_id and personal_data.event_id = page.event_id
    left join actor_keys on actor_keys.tenant_id = personal_data.tenant_id and actor_keys.actor = personal_data.actor
      and actor_keys.key_id = personal_data.key_id
    order by page.tenant_seq desc`
}
