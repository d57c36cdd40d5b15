import { apiKeyId } from '@memoric/contracts/ids.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { selectApiKey, selectApiKeys } from './api-key-repository.ts'
import { apiKeyView } from './api-key-view.ts'

const cursorSchema = z.strictObject({ before: apiKeyId })

/** A page of the tenant's keys, newest first. */
export function listApiKeys({ sql, keys }: Deps): Handler<'listApiKeys'> {
  return async ({ query: { cursor, limit }, context: { caller } }) => {
    const before = cursor === undefined ? null : decodeCursor(cursor, cursorSchema).before
    const [rows] = await tenantFlight(sql, tenantScope(caller.tenantId), (tx) => [
      selectApiKeys(tx, caller.tenantId, before, limit + 1),
    ])
    const items = rows.slice(0, limit).map((row) => apiKeyView(keys.personal, row))
    const last = items.at(-1)
    const next = rows.length > limit && last !== undefined ? encodeCursor({ before: last.id }) : null
    return { status: 200, body: { items, next_cursor: next } }
  }
}

export function getApiKey({ sql, keys }: Deps): Handler<'getApiKey'> {
  return async ({ params: { id }, context: { caller } }) => {
    const [[row]] = await tenantFlight(sql, tenantScope(caller.tenantId), (tx) => [
      selectApiKey(tx, caller.tenantId, id),
    ])
    if (row === undefined) throw new AppError('api_key_not_found')
    return { status: 200, body: apiKeyView(keys.personal, row) }
  }
}
