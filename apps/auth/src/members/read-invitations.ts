import { invitationId } from '@memoric/contracts/ids.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { selectInvitations } from './invitation-repository.ts'
import { invitationView } from './invitation-view.ts'

const cursorSchema = z.strictObject({ before: invitationId })

/** A page of the invitations, newest first. */
export function listInvitations({ sql, keys }: Deps): Handler<'listInvitations'> {
  return async ({ query: { cursor, limit }, context: { caller } }) => {
    const before = cursor === undefined ? null : decodeCursor(cursor, cursorSchema).before
    const [rows] = await tenantFlight(sql, tenantScope(caller.tenantId), (tx) => [
      selectInvitations(tx, caller.tenantId, before, limit + 1),
    ])
    const items = rows.slice(0, limit).map((row) => invitationView(keys.personal, row))
    const last = items.at(-1)
    const next = rows.length > limit && last !== undefined ? encodeCursor({ before: last.id }) : null
    return { status: 200, body: { items, next_cursor: next } }
  }
}
