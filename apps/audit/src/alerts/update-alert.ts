import type { AlertState } from '@memoric/contracts/alert-contract.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { ListDeps } from '../log/list-audit-logs.ts'
import { requireWholeTenant, wholeTenant } from '../log/log-readers.ts'
import { type AlertRow, changeAlert, selectAlert } from './alert-repository.ts'
import { alertView } from './alert-view.ts'

type Route = RouteTable['updateAlert']
type ChangeDeps = Pick<ListDeps, 'sql' | 'events' | 'wakeRelay'>

/** States from which an alert may come into another; a note can be changed in any. */
const FROM = {
  acknowledged: ['open'],
  closed: ['open', 'acknowledged'],
  note: ['open', 'acknowledged', 'closed'],
} as const satisfies Record<string, readonly AlertState[]>

/** Of several that change the state at once one succeeds. Throws AppError `alert_not_found`, `alert_state_conflict`. */
export async function updateAlert(deps: ChangeDeps, call: Call<Route>): Promise<RouteOutput<Route>> {
  const { caller } = call.context
  requireWholeTenant(caller)
  const row = await tenantTransaction(deps.sql, wholeTenant(caller.tenantId), (tx) => change(tx, deps, call))
  deps.wakeRelay()
  return { status: 200, body: alertView(row) }
}

async function change(tx: Tx, { events }: ChangeDeps, { params, body, context }: Call<Route>): Promise<AlertRow> {
  const { tenantId, principal } = context.caller
  const { state, note } = body
  const by = `${principal.type}:${principal.id}`
  const [row] = await changeAlert(tx, { tenantId, id: params.id }, { from: FROM[state ?? 'note'], state, note, by })
  if (row === undefined) throw await refusal(tx, tenantId, params.id)
  const details = { detection: row.detection, has_note: row.note !== null }
  const type = state === undefined ? 'alert.noted' : (`alert.${state}` as const)
  await outboxInsert(tx, [events({ type, context, resourceId: row.id, statusCode: 200, details })])
  return row
}

async function refusal(tx: Tx, tenantId: string, id: string): Promise<AppError> {
  const [known] = await selectAlert(tx, tenantId, id)
  if (known === undefined) return new AppError('alert_not_found')
  return new AppError('alert_state_conflict', { detail: `it is ${known.state}` })
}
