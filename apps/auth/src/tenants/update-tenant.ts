import type { updateTenantBody } from '@memoric/contracts/tenant-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { z } from 'zod'
import { lockTenantRow, type TenantColumns, type TenantRow, updateTenantRow } from '../accounts/tenant-repository.ts'
import { announceRevoked } from '../announce-revoked.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import type { AuthKeys } from '../keys/auth-keys.ts'
import { selectProviders } from '../sso/sso-provider-repository.ts'
import { tenantScope } from '../tenant-scope.ts'
import { describeChange, isNothing, type TenantBefore, type TenantChange, tenantChangeOf } from './tenant-change.ts'
import { requireConsistent, requireProvider, requireWithin } from './tenant-rules.ts'
import { sealNetworks } from './tenant-settings.ts'
import { tenantWithSettingsView } from './tenant-with-settings-view.ts'

/** Changes name and settings of a tenant. What is asked for and is so already changes and tells nothing. */
export function updateTenant(deps: Deps): Handler<'updateTenant'> {
  return async ({ body, context }) => {
    const { tenantId, clientAddress } = context.caller
    requireWithin(body.settings?.ip_allow, clientAddress)
    const { row, isChanged } = await tenantTransaction(deps.sql, tenantScope(tenantId), (tx) =>
      change(tx, deps, body, context),
    )
    if (isChanged) {
      deps.relay.wake()
      announceRevoked(deps, [tenantId])
    }
    return { status: 200, body: tenantWithSettingsView(deps.keys.personal, row) }
  }
}

async function change(
  tx: Tx,
  deps: Deps,
  body: z.infer<typeof updateTenantBody>,
  context: RequestContext,
): Promise<{ row: TenantRow; isChanged: boolean }> {
  const { tenantId } = context.caller
  const [locked] = await lockTenantRow(tx, tenantId)
  if (locked === undefined) throw new AppError('invalid_token')
  const before = tenantWithSettingsView(deps.keys.personal, locked)
  const asked = tenantChangeOf(before, body)
  if (isNothing(asked)) return { row: locked, isChanged: false }
  requireConsistent({ ...before.settings, ...asked.settings })
  if (asked.settings.sso_required === true) requireProvider(await selectProviders(tx, tenantId))
  const [[row]] = await Promise.all([
    updateTenantRow(tx, tenantId, columnsOf(deps.keys, locked, asked)),
    outboxInsert(tx, [updated(deps, before, asked, context)]),
  ])
  if (row === undefined) throw new Error('a locked row was not updated')
  return { row, isChanged: true }
}

function columnsOf({ personal }: AuthKeys, row: TenantRow, { name, settings }: TenantChange): TenantColumns {
  const { ip_allow: networks, ...chosen } = settings
  const place = { tenantId: row.id, recordId: row.id, field: 'name' } as const
  return {
    name_sealed: name === undefined ? row.name_sealed : personal.seal(place, name),
    settings: chosen,
    ip_allow_sealed: networks === undefined ? row.ip_allow_sealed : sealNetworks(personal, row.id, row.id, networks),
  }
}

function updated(deps: Deps, before: TenantBefore, asked: TenantChange, context: RequestContext) {
  return deps.events({
    type: 'tenant.updated',
    context,
    resourceId: context.caller.tenantId,
    statusCode: 200,
    details: describeChange(before, asked),
  })
}
