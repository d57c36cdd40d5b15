import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { selectTenant } from '../accounts/tenant-repository.ts'
import { announceRevoked } from '../announce-revoked.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { tenantScope } from '../tenant-scope.ts'
import { lockTenant } from '../tenants/containment-repository.ts'
import { readTenantSettings } from '../tenants/tenant-settings.ts'
import { deleteProvider, selectProviders } from './sso-provider-repository.ts'

/** Removes an identity provider and ends the sessions that began through it. */
export function deleteSsoProvider(deps: Deps): Handler<'deleteSsoProvider'> {
  return async ({ params: { id }, context }) => {
    const scope = tenantScope(context.caller.tenantId)
    const ended = await tenantTransaction(deps.sql, scope, (tx) => remove(tx, deps, id, context))
    deps.relay.wake()
    announceRevoked(deps, ended)
    return { status: 204, body: null }
  }
}

async function remove(tx: Tx, deps: Deps, id: string, context: RequestContext): Promise<string[]> {
  const { tenantId } = context.caller
  await lockTenant(tx, tenantId)
  const [deleted] = await deleteProvider(tx, tenantId, id)
  if (deleted === undefined) throw new AppError('sso_provider_not_found')
  await requireAnother(tx, deps, tenantId)
  const choice = { tenantId, providerId: id, reason: 'provider_removed', statusCode: 204 } as const
  const ended = await endSessions(tx, deps, choice, context)
  const details = { sessions_revoked: ended.length }
  const event = deps.events({ type: 'sso.provider.deleted', context, resourceId: id, statusCode: 204, details })
  await outboxInsert(tx, [event])
  return ended
}

/** Where members may sign in through providers only, one must be left. */
async function requireAnother(tx: Tx, { keys }: Deps, tenantId: string): Promise<void> {
  const [[tenant], left] = await Promise.all([selectTenant(tx, tenantId), selectProviders(tx, tenantId)])
  if (tenant === undefined || left.length > 0) return
  if (!readTenantSettings(keys.personal, tenantId, tenant).sso_required) return
  throw new AppError('rule_violated', { detail: 'the tenant asks for single sign-on: its last provider must stay' })
}
