import type { AlertMail } from '@memoric/contracts/alert-delivery-contract.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { SealingKey } from '@memoric/crypto/sealed-box.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { z } from 'zod'
import type { ListDeps } from '../log/list-audit-logs.ts'
import { requireWholeTenant, wholeTenant } from '../log/log-readers.ts'
import { type AlertMailRow, saveAlertMail, selectAlertMail } from './alert-mail-repository.ts'
import { openField, sealField } from './sealed-field.ts'

export interface AlertMailDeps extends Pick<ListDeps, 'sql' | 'events' | 'wakeRelay'> {
  readonly credentials: SealingKey
  readonly isMailOn: boolean
}

type Answer<Id extends keyof RouteTable> = Promise<RouteOutput<RouteTable[Id]>>

export async function getAlertMail(
  deps: AlertMailDeps,
  { context }: Call<RouteTable['getAlertMail']>,
): Answer<'getAlertMail'> {
  requireWholeTenant(context.caller)
  const { tenantId } = context.caller
  const [[row]] = await tenantFlight(deps.sql, wholeTenant(tenantId), (tx) => [selectAlertMail(tx, tenantId)])
  return { status: 200, body: view(deps, row) }
}

/** The event says how many there are, not who. */
export async function setAlertMail(
  deps: AlertMailDeps,
  { body, context }: Call<RouteTable['setAlertMail']>,
): Answer<'setAlertMail'> {
  requireWholeTenant(context.caller)
  const { tenantId, principal } = context.caller
  const addresses = [...new Set(body.addresses)]
  const setting = {
    tenant_id: tenantId,
    addresses_sealed: sealField(deps.credentials, placeOf(tenantId), JSON.stringify(addresses)),
    min_severity: body.min_severity,
    updated_by: `${principal.type}:${principal.id}`,
  }
  const details = { addresses: addresses.length, min_severity: body.min_severity }
  const event = deps.events({ type: 'alert_mail.changed', context, resourceId: null, statusCode: 200, details })
  const [[row]] = await tenantFlight(deps.sql, wholeTenant(tenantId), (tx) => [
    saveAlertMail(tx, setting),
    outboxInsert(tx, [event]),
  ])
  deps.wakeRelay()
  return { status: 200, body: view(deps, row) }
}

export function addressesOf(credentials: SealingKey, row: AlertMailRow): string[] {
  const opened = openField(credentials, placeOf(row.tenant_id), row.addresses_sealed)
  return z.array(z.string()).parse(JSON.parse(opened))
}

function placeOf(tenantId: string) {
  return { tenantId, recordId: tenantId, field: 'alert_mail.addresses' } as const
}

function view({ credentials, isMailOn }: AlertMailDeps, row: AlertMailRow | undefined): AlertMail {
  return {
    addresses: row === undefined ? [] : addressesOf(credentials, row),
    min_severity: row?.min_severity ?? 'warning',
    updated_by: row?.updated_by ?? null,
    updated_at: row?.updated_at.toISOString() ?? null,
    is_on: isMailOn,
  }
}
