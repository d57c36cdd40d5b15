import type { AuditLog, ListAuditLogsQuery } from '@memoric/contracts/audit-contract.ts'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { PersonalData } from '@memoric/contracts/event.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { EventFactory } from '@memoric/service/event-factory.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { z } from 'zod'
import type { ActorKeys } from '../personal/actor-keys.ts'
import { openPersonal } from '../personal/seal-personal.ts'
import { findLogs, type LogRow } from './log-page-repository.ts'

export interface ListDeps {
  readonly sql: Sql
  readonly events: EventFactory
  readonly actorKeys: ActorKeys
  readonly log: Logger
  /** Called once there is something in the outbox. */
  readonly wakeRelay: () => void
}

type Route = RouteTable['listAuditLogs']

const position = z.strictObject({ before: z.int().min(1) })

/**
 * One page of the tenant's log, newest first. That it was read is logged in the same transaction.
 * Throws AppError `permission_denied` for a credential that is limited to subjects or namespaces: the log tells of all.
 */
export async function listAuditLogs(deps: ListDeps, { query, context }: Call<Route>): Promise<RouteOutput<Route>> {
  requireWholeTenant(context.caller)
  const rows = await readPage(deps, query, context)
  deps.wakeRelay()
  const items = rows.slice(0, query.limit).map((row) => toAuditLog(deps, row))
  const last = items.at(-1)
  const more = rows.length > query.limit && last !== undefined
  return { status: 200, body: { items, next_cursor: more ? encodeCursor({ before: last.tenant_seq }) : null } }
}

function requireWholeTenant({ subjects, namespaces }: Caller): void {
  if (subjects === '*' && namespaces === '*') return
  throw new AppError('permission_denied', { detail: 'the log is that of the whole tenant, the credential is limited' })
}

async function readPage(
  { sql, events }: ListDeps,
  query: ListAuditLogsQuery,
  context: RequestContext,
): Promise<LogRow[]> {
  const { tenantId } = context.caller
  const before = query.cursor === undefined ? undefined : decodeCursor(query.cursor, position).before
  return tenantTransaction(sql, { tenantId, subjects: '*', namespaces: '*' }, async (tx) => {
    const rows = await findLogs(tx, query, { tenantId, before, limit: query.limit + 1 })
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

/** By what was filtered, without the values: what somebody looked for may tell who it is about. */
function filtersOf({ limit: _limit, cursor: _cursor, ...filters }: ListAuditLogsQuery): string[] {
  return Object.entries(filters).flatMap(([name, value]) => (value === undefined ? [] : name))
}

const NO_PERSONAL_DATA: PersonalData = { ip_address: null, user_agent: null, email: null }

function toAuditLog(deps: ListDeps, row: LogRow): AuditLog {
  const { actor: _actor, sealed: _sealed, key_id: _keyId, wrapped: _wrapped, ...line } = row
  return {
    ...line,
    occurred_at: row.occurred_at.toISOString(),
    received_at: row.received_at.toISOString(),
    ...personalOf(deps, row),
  }
}

/** All null once the key of the actor is destroyed, where there never was any, and where somebody has changed it. */
function personalOf({ actorKeys, log }: ListDeps, row: LogRow): PersonalData {
  try {
    return openStored(actorKeys, row)
  } catch (error) {
    log.error({ err: error, event_id: row.event_id }, 'personal data does not open under the key of its actor')
    return NO_PERSONAL_DATA
  }
}

function openStored(keys: ActorKeys, row: LogRow): PersonalData {
  const { actor, sealed, key_id: keyId, wrapped, tenant_id: tenantId, event_id: eventId } = row
  if (actor === null || sealed === null || keyId === null || wrapped === null) return NO_PERSONAL_DATA
  const { key } = keys.open({ tenantId, actor, keyId, wrapped })
  return openPersonal(key, { tenantId, actor, eventId }, sealed)
}
