import { userId } from '@memoric/contracts/ids.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import { z } from 'zod'
import { userView } from '../accounts/account-views.ts'
import { selectUser } from '../accounts/user-repository.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { selectMembers } from './member-repository.ts'

const cursorSchema = z.strictObject({ before: userId })

/** A page of the members, newest first, or the one with an address. */
export function listUsers({ sql, keys }: Deps): Handler<'listUsers'> {
  return async ({ query: { cursor, limit, email }, context: { caller } }) => {
    const before = cursor === undefined ? null : decodeCursor(cursor, cursorSchema).before
    const emailIndex = email === undefined ? null : keys.emailIndex(email)
    const [rows] = await tenantFlight(sql, tenantScope(caller.tenantId), (tx) => [
      selectMembers(tx, caller.tenantId, { emailIndex, before }, limit + 1),
    ])
    const items = rows.slice(0, limit).map((row) => userView(keys.personal, row))
    const last = items.at(-1)
    const next = rows.length > limit && last !== undefined ? encodeCursor({ before: last.id }) : null
    return { status: 200, body: { items, next_cursor: next } }
  }
}

export function getUser({ sql, keys }: Deps): Handler<'getUser'> {
  return async ({ params: { id }, context: { caller } }) => {
    const [[row]] = await tenantFlight(sql, tenantScope(caller.tenantId), (tx) => [selectUser(tx, caller.tenantId, id)])
    if (row === undefined) throw new AppError('user_not_found')
    return { status: 200, body: userView(keys.personal, row) }
  }
}
