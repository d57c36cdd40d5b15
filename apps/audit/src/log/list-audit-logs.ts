import type { AuditLog, ListAuditLogsQuery } from '@memoric/contracts/audit-contract.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { EventFactory } from '@memoric/service/event-factory.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { z } from 'zod'
import type { ActorKeys } from '../personal/actor-keys.ts'
import { toAuditLog } from './audit-log-view.ts'
import { findLogs, type LogPage, type LogRow } from './log-page-repository.ts'
import { filtersOf, requireWholeTenant, wholeTenant } from './log-readers.ts'

export interface ListDeps {
  readonly sql: Sql
  readonly events: EventFactory
  readonly actorKeys: ActorKeys
  readonly log: Logger
  /** Called once there is something in the outbox. */
  readonly wakeRelay: () => void
}

type Route = RouteTable['listAuditLogs']

/** Lines of greater, or of lesser, tenant_seq than this one, and whether they lie before the page that it comes from. */
const position = z.union([
  z.strictObject({ before: z.int().min(1), back: z.literal(true).optional() }),
  z.strictObject({ after: z.int().min(1), back: z.literal(true).optional() }),
])
type Position = z.output<typeof position>

/**
 * One page of the tenant's log. That it was read is logged in the same transaction.
 * Throws AppError `permission_denied` for a credential that is limited to subjects or namespaces: the log tells of all.
 */
export async function listAuditLogs(deps: ListDeps, { query, context }: Call<Route>): Promise<RouteOutput<Route>> {
  requireWholeTenant(context.caller)
  const from = query.cursor === undefined ? null : decodeCursor(query.cursor, position)
  const found = await readPage(deps, query, from, context)
  deps.wakeRelay()
  const isBack = from?.back === true
  const rows = found.slice(0, query.limit)
  const items = (isBack ? rows.reverse() : rows).map((row) => toAuditLog(deps, row))
  return { status: 200, body: { items, ...cursorsOf(query, items, from, found.length > query.limit) } }
}

/** Beyond the side towards which was read there are lines only if more were found; the other side is where the reader came from. */
function cursorsOf({ order }: ListAuditLogsQuery, items: readonly AuditLog[], from: Position | null, more: boolean) {
  const [first, last] = [items.at(0), items.at(-1)]
  const isBack = from?.back === true
  const down = (seq: number) => (order === 'newest' ? { before: seq } : { after: seq })
  const up = (seq: number) => (order === 'newest' ? { after: seq, back: true } : { before: seq, back: true })
  const hasNext = last !== undefined && (isBack || more)
  const hasPrevious = first !== undefined && (isBack ? more : from !== null)
  return {
    next_cursor: hasNext ? encodeCursor(down(last.tenant_seq)) : null,
    previous_cursor: hasPrevious ? encodeCursor(up(first.tenant_seq)) : null,
  }
}

async function readPage(
  { sql, events }: ListDeps,
  query: ListAuditLogsQuery,
  from: Position | null,
  context: RequestContext,
): Promise<LogRow[]> {
  const { tenantId } = context.caller
  return tenantTransaction(sql, wholeTenant(tenantId), async (tx) => {
    const rows = await findLogs(tx, query, pageOf(tenantId, query, from))
    const event = events({
      type: 'audit.read',
      context,
      resourceId: null,
      statusCode: 200,
      details: { filters: filtersOf(query), returned: Math.min(rows.length, query.limit) },
    })
    await outboxInsert(tx, [event])
    return rows
  })
}

/** A line more than asked for tells whether there is another page. */
function pageOf(tenantId: string, { order, limit }: ListAuditLogsQuery, from: Position | null): LogPage {
  const descending = (order === 'newest') !== (from?.back === true)
  const side = from === null ? {} : 'before' in from ? { below: from.before } : { above: from.after }
  return { tenantId, descending, limit: limit + 1, ...side }
}
