import { isDeepStrictEqual } from 'node:util'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { requireUsableIssuer } from './check-provider.ts'
import { givenRoles, requireMayProvide } from './provider-rules.ts'
import { deleteIdentitiesOf } from './sso-identity-repository.ts'
import { selectProvider, type SsoProviderRow, updateProvider } from './sso-provider-repository.ts'
import { ssoProviderView } from './sso-provider-view.ts'
import { openSsoSettings, sealSsoSettings, type SsoSettings } from './sso-settings.ts'

interface Replacement {
  readonly row: SsoProviderRow
  readonly before: SsoSettings
  readonly after: SsoSettings
}

/** Replaces the settings of an identity provider. */
export function updateSsoProvider(deps: Deps): Handler<'updateSsoProvider'> {
  return async ({ params: { id }, body, context }) => {
    const { tenantId } = context.caller
    const [[row]] = await tenantFlight(deps.sql, tenantScope(tenantId), (tx) => [selectProvider(tx, tenantId, id)])
    if (row === undefined) throw new AppError('sso_provider_not_found')
    requireMayProvide(context.caller)
    const before = openSsoSettings(deps.keys.credentials, row)
    const after = { ...body, client_secret: body.client_secret ?? keptSecret(before, body) }
    await requireUsableIssuer(deps, tenantId, after.issuer)
    const replacement = { row, before, after }
    const saved = await tenantTransaction(deps.sql, tenantScope(tenantId), (tx) => save(tx, deps, replacement, context))
    deps.relay.wake()
    return { status: 200, body: ssoProviderView(deps, saved) }
  }
}

/** Whoever may change the issuer must not get to see the secret by having it sent to another one. */
function keptSecret(before: SsoSettings, after: Pick<SsoSettings, 'issuer' | 'client_id'>): string {
  if (isSameClient(before, after)) return before.client_secret
  const message = 'must be given when the issuer or the client_id is another'
  throw new AppError('rule_violated', {
    detail: `client_secret ${message}`,
    errors: [{ pointer: '/client_secret', message }],
  })
}

function isSameClient(before: SsoSettings, after: Pick<SsoSettings, 'issuer' | 'client_id'>): boolean {
  return before.issuer === after.issuer && before.client_id === after.client_id
}

/** The subjects of one issuer and client say nothing about those of another: links between them and members end. */
async function save(
  tx: Tx,
  deps: Deps,
  { row, before, after }: Replacement,
  context: RequestContext,
): Promise<SsoProviderRow> {
  const [saved] = await updateProvider(tx, row, sealSsoSettings(deps.keys.credentials, row, after))
  if (saved === undefined) throw new AppError('write_conflict')
  if (!isSameClient(before, after)) await deleteIdentitiesOf(tx, row)
  const { create_members } = after
  const details = { changed: changedNames(before, after), create_members, roles: givenRoles(after) }
  const event = deps.events({ type: 'sso.provider.updated', context, resourceId: row.id, statusCode: 200, details })
  await outboxInsert(tx, [event])
  return saved
}

function changedNames(before: SsoSettings, after: SsoSettings): string[] {
  const [old, now] = [Object.entries(before), new Map<string, unknown>(Object.entries(after))]
  return old.filter(([name, value]) => !isDeepStrictEqual(now.get(name), value)).map(([name]) => name)
}
