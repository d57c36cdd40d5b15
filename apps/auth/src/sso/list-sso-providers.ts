import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { selectProviders } from './sso-provider-repository.ts'
import { ssoProviderView } from './sso-provider-view.ts'

/** The providers of the caller's tenant, oldest first. */
export function listSsoProviders(deps: Deps): Handler<'listSsoProviders'> {
  return async ({ context: { caller } }) => {
    const { tenantId } = caller
    const [rows] = await tenantFlight(deps.sql, tenantScope(tenantId), (tx) => [selectProviders(tx, tenantId)])
    return { status: 200, body: { items: rows.map((row) => ssoProviderView(deps, row)) } }
  }
}
