import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { lockTenant } from '../tenants/containment-repository.ts'
import { requireUsableIssuer } from './check-provider.ts'
import { givenRoles, requireMayProvide } from './provider-rules.ts'
import { insertProvider, selectProviders, type SsoProviderRow } from './sso-provider-repository.ts'
import { ssoProviderView } from './sso-provider-view.ts'
import { sealSsoSettings, type SsoSettings } from './sso-settings.ts'

const MAX_PROVIDERS = 10

/** Adds an identity provider that answers as one must. */
export function createSsoProvider(deps: Deps): Handler<'createSsoProvider'> {
  return async ({ body, context }) => {
    const { tenantId } = context.caller
    requireMayProvide(context.caller)
    await requireUsableIssuer(deps, tenantId, body.issuer)
    const row = await tenantTransaction(deps.sql, tenantScope(tenantId), (tx) => insert(tx, deps, body, context))
    deps.relay.wake()
    return { status: 201, body: ssoProviderView(deps, row) }
  }
}

async function insert(tx: Tx, deps: Deps, settings: SsoSettings, context: RequestContext): Promise<SsoProviderRow> {
  const place = { tenant_id: context.caller.tenantId, id: uuidV7() }
  await lockTenant(tx, place.tenant_id)
  const present = await selectProviders(tx, place.tenant_id)
  if (present.length >= MAX_PROVIDERS) {
    throw new AppError('rule_violated', { detail: `a tenant has at most ${MAX_PROVIDERS} identity providers` })
  }
  const details = { create_members: settings.create_members, roles: givenRoles(settings) }
  const event = deps.events({ type: 'sso.provider.created', context, resourceId: place.id, statusCode: 201, details })
  const [[row]] = await Promise.all([
    insertProvider(tx, { ...place, settings_sealed: sealSsoSettings(deps.keys.credentials, place, settings) }),
    outboxInsert(tx, [event]),
  ])
  if (row === undefined) throw new Error('an inserted row was not returned')
  return row
}
