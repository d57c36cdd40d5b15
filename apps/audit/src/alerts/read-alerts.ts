import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import { isAtLeast, SEVERITIES } from '@memoric/contracts/severity.ts'
import { uuid } from '@memoric/contracts/ids.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { z } from 'zod'
import { requireWholeTenant, wholeTenant } from '../log/log-readers.ts'
import { findAlerts, selectAlert } from './alert-repository.ts'
import { alertView } from './alert-view.ts'

type ListRoute = RouteTable['listAlerts']
type GetRoute = RouteTable['getAlert']

const position = z.strictObject({ before: uuid })

/** One page of the tenant's alerts, newest first. Throws AppError `permission_denied`, `invalid_cursor`. */
export async function listAlerts(
  { sql }: { readonly sql: Sql },
  { query, context }: Call<ListRoute>,
): Promise<RouteOutput<ListRoute>> {
  requireWholeTenant(context.caller)
  const { tenantId } = context.caller
  const before = query.cursor === undefined ? undefined : decodeCursor(query.cursor, position).before
  const least = query.severity
  const severities = least === undefined ? null : SEVERITIES.filter((one) => isAtLeast(one, least))
  const page = { tenantId, before, severities, limit: query.limit + 1 }
  const [rows] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [findAlerts(tx, query, page)])
  const items = rows.slice(0, query.limit).map(alertView)
  const last = items.at(-1)
  const more = rows.length > query.limit && last !== undefined
  return { status: 200, body: { items, next_cursor: more ? encodeCursor({ before: last.id }) : null } }
}

/** Throws AppError `permission_denied`, `alert_not_found`. */
export async function getAlert(
  { sql }: { readonly sql: Sql },
  { params, context }: Call<GetRoute>,
): Promise<RouteOutput<GetRoute>> {
  requireWholeTenant(context.caller)
  const { tenantId } = context.caller
  const [[row]] = await tenantFlight(sql, wholeTenant(tenantId), (tx) => [selectAlert(tx, tenantId, params.id)])
  if (row === undefined) throw new AppError('alert_not_found')
  return { status: 200, body: alertView(row) }
}
