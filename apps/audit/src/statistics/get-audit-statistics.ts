import { MAX_STATISTICS_DAYS, type Outcome } from '@memoric/contracts/audit-contract.ts'
import { severityOf } from '@memoric/contracts/event-types.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { ListDeps } from '../log/list-audit-logs.ts'
import { operationsOf } from '../log/log-filter.ts'
import { filtersOf, requireWholeTenant, wholeTenant } from '../log/log-readers.ts'

type Route = RouteTable['getAuditStatistics']
type StatisticsDeps = Pick<ListDeps, 'sql' | 'events' | 'wakeRelay'>

interface CountRow {
  readonly day: string
  readonly operation: string
  readonly outcome: Outcome
  readonly events: number
}

const DAY_MS = 86_400_000
/** Days before the last one where no first one is given. */
const USUAL_DAYS = 30

/** How many lines the tenant's log has by day. Throws AppError `permission_denied`, `validation_failed`. */
export async function getAuditStatistics(
  { sql, events, wakeRelay }: StatisticsDeps,
  { query, context }: Call<Route>,
): Promise<RouteOutput<Route>> {
  requireWholeTenant(context.caller)
  const range = rangeOf(query)
  const { tenantId } = context.caller
  const details = { statistics: true, filters: filtersOf(query) }
  const event = events({ type: 'audit.read', context, resourceId: null, statusCode: 200, details })
  const [rows] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [
    selectCounts(tx, tenantId, range, operationsOf(query)),
    outboxInsert(tx, [event]),
  ])
  wakeRelay()
  const items = rows.map((row) => ({ ...row, severity: severityOf(row.operation) }))
  return { status: 200, body: { ...range, events: items.reduce((sum, item) => sum + item.events, 0), items } }
}

function rangeOf(query: Call<Route>['query']): { from: string; to: string } {
  const to = query.to ?? dayOf(Date.now())
  const from = query.from ?? dayOf(Date.parse(to) - USUAL_DAYS * DAY_MS)
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS + 1
  if (days >= 1 && days <= MAX_STATISTICS_DAYS) return { from, to }
  const message = days < 1 ? 'must not be after to' : `must be at most ${MAX_STATISTICS_DAYS - 1} days before to`
  throw new AppError('validation_failed', { errors: [{ pointer: 'query/from', message }] })
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

function selectCounts(
  tx: Tx,
  tenantId: string,
  { from, to }: { from: string; to: string },
  operations: readonly string[] | null,
) {
  return tx<CountRow[]>`
    select to_char(day, 'YYYY-MM-DD') as day, operation, outcome, events from audit_days
    where tenant_id = ${tenantId} and day between ${from}::date and ${to}::date
      ${operations === null ? tx`` : tx`and operation = any(${[...operations]}::text[])`}
    order by day desc, operation, outcome`
}
