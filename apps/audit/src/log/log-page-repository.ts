import type { AuditFilters, Outcome } from '@memoric/contracts/audit-contract.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { type Condition, filterOf, type LogPath, pathsOf } from './log-filter.ts'

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
  /** Null in lines whose leaf is derived from the other columns. */
  readonly canonical: string | null
  readonly actor: string | null
  readonly sealed: Buffer | null
  readonly key_id: string | null
  readonly wrapped: Buffer | null
}

export interface LogPage {
  readonly tenantId: string
  /** Lines on this side of a tenant_seq; all when left out. */
  readonly above?: number | undefined
  readonly below?: number | undefined
  /** Whether the line with the greatest tenant_seq comes first. */
  readonly descending: boolean
  readonly limit: number
}

/** Lines of a tenant in the order of tenant_seq. A sequence once committed never gets a lower one after it, so pages have no gaps. */
export function findLogs(tx: Tx, query: AuditFilters, page: LogPage) {
  const order = page.descending ? tx`desc` : tx`asc`
  return tx<LogRow[]>`
    with page as materialized (${linesOf(tx, query, page)})
    select page.log_index, page.event_id, page.tenant_id, page.tenant_seq, page.occurred_at, page.received_at, page.source,
      page.actor_type, page.actor_id, page.operation, page.resource_type, page.resource_id, page.outcome, page.reason,
      page.endpoint, page.method, page.status_code, page.duration_ms, page.request_id, page.details, page.canonical,
      personal_data.actor, personal_data.sealed, actor_keys.key_id, actor_keys.wrapped
    from page
    left join personal_data on personal_data.tenant_id = page.tenant_id and personal_data.event_id = page.event_id
    left join actor_keys on actor_keys.tenant_id = personal_data.tenant_id and actor_keys.actor = personal_data.actor
      and actor_keys.key_id = personal_data.key_id
    order by page.tenant_seq ${order}`
}

/** Whole lines of audit_logs: each path gives as many as the page has, and of those the first ones stay. */
export function linesOf(tx: Tx, query: AuditFilters, page: LogPage): Condition {
  const order = page.descending ? tx`desc` : tx`asc`
  const all = pathsOf(tx, query).map((path) => tx`(${followPath(tx, query, page, path)})`)
  const [first = tx`select * from audit_logs where false`, second] = all
  if (second === undefined) return first
  return tx`
    select distinct on (tenant_seq) * from (${first} union all ${second}) as found
    order by tenant_seq ${order} limit ${page.limit}`
}

function followPath(tx: Tx, query: AuditFilters, page: LogPage, { operations, condition }: LogPath): Condition {
  const order = page.descending ? tx`desc` : tx`asc`
  const { tenantId, above, below, limit } = page
  const rest = tx`
    ${above === undefined ? tx`` : tx`and tenant_seq > ${above}`} ${below === undefined ? tx`` : tx`and tenant_seq < ${below}`}
    ${condition} ${filterOf(tx, tenantId, query)}`
  if (operations === null) {
    return tx`
      select * from audit_logs where tenant_id = ${tenantId} ${rest} order by tenant_seq ${order} limit ${limit}`
  }
  return tx`
    select entry.* from unnest(${[...operations]}::text[]) as wanted (operation)
    cross join lateral (
      select * from audit_logs where tenant_id = ${tenantId} and operation = wanted.operation ${rest}
      order by tenant_seq ${order} limit ${limit}
    ) as entry
    order by tenant_seq ${order} limit ${limit}`
}

/** The last line that a tenant has; none where it has none. */
export function selectLastLine(tx: Tx, tenantId: string) {
  return tx<{ seq: number; index: number }[]>`
    select tenant_seq as seq, log_index as index from audit_logs
    where tenant_id = ${tenantId} order by tenant_seq desc limit 1`
}
