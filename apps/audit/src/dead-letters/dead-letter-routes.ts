import type { DeadLetter } from '@memoric/contracts/dead-letter-contract.ts'
import { uuid } from '@memoric/contracts/ids.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { z } from 'zod'
import { filtersOf, requireWholeTenant, wholeTenant } from '../log/log-readers.ts'
import { type DeadLetterRow, findDeadLetters } from './dead-letter-repository.ts'
import { typeOf } from './read-letter.ts'
import { type ReplayDeps, replayLetter } from './replay-letter.ts'

type ListRoute = RouteTable['listDeadLetters']
type ReplayRoute = RouteTable['replayDeadLetter']

const position = z.strictObject({ before: uuid })

/** One page of what the log of a tenant did not take. Throws AppError `permission_denied`, `invalid_cursor`. */
export async function listDeadLetters(
  { sql, events, wakeRelay }: Pick<ReplayDeps, 'sql' | 'events' | 'wakeRelay'>,
  { query, context }: Call<ListRoute>,
): Promise<RouteOutput<ListRoute>> {
  requireWholeTenant(context.caller)
  const { tenantId } = context.caller
  const before = query.cursor === undefined ? null : decodeCursor(query.cursor, position).before
  const page = { tenantId, state: query.state ?? null, before, limit: query.limit + 1 }
  const rows = await tenantTransaction(sql, wholeTenant(tenantId), async (tx) => {
    const found = await findDeadLetters(tx, page)
    const details = { filters: filtersOf(query), returned: Math.min(found.length, query.limit) }
    const read = { type: 'audit.dead_letters_read', context, resourceId: null, statusCode: 200, details } as const
    await outboxInsert(tx, [events(read)])
    return found
  })
  wakeRelay()
  const items = rows.slice(0, query.limit).map(deadLetterView)
  const last = items.at(-1)
  const more = rows.length > query.limit && last !== undefined
  return { status: 200, body: { items, next_cursor: more ? encodeCursor({ before: last.id }) : null } }
}

/** Throws AppError `permission_denied`, `dead_letter_not_found`, `dead_letter_refused`. */
export async function replayDeadLetter(
  deps: ReplayDeps,
  { params, context }: Call<ReplayRoute>,
): Promise<RouteOutput<ReplayRoute>> {
  requireWholeTenant(context.caller)
  const isOwn = (row: DeadLetterRow) => row.tenant_id === context.caller.tenantId
  const replayed = await replayLetter(deps, params.id, isOwn, context)
  if (replayed === undefined) throw new AppError('dead_letter_not_found')
  if (replayed.refusal !== null) throw new AppError('dead_letter_refused', { detail: replayed.refusal })
  return { status: 200, body: deadLetterView(replayed.row) }
}

export function deadLetterView(row: DeadLetterRow): DeadLetter {
  return {
    id: row.id,
    event_id: row.event_id,
    app: row.app,
    type: typeOf(row.subject),
    reason: row.reason,
    bytes: row.bytes,
    deliveries: row.deliveries,
    first_at: row.first_at.toISOString(),
    last_at: row.last_at.toISOString(),
    replayed_at: row.replayed_at?.toISOString() ?? null,
    replayed_by: row.replayed_by,
    emptied_at: row.emptied_at?.toISOString() ?? null,
  }
}
