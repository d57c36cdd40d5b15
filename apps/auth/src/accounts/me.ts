import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { selectSessionMethod } from '../sessions/session-repository.ts'
import { tenantScope } from '../tenant-scope.ts'
import { requiredActions } from '../tenants/required-actions.ts'
import { readTenantSettings } from '../tenants/tenant-settings.ts'
import { tenantView, userView } from './account-views.ts'
import { selectTenant } from './tenant-repository.ts'
import { selectUser } from './user-repository.ts'

/** Tells the caller who it is. */
export function me({ sql, keys }: Deps): Handler<'me'> {
  return async ({ context: { caller } }) => {
    const { tenantId, permissions, principal } = caller
    const { type, id } = principal
    if (type !== 'user' && type !== 'api_key') throw new AppError('authentication_required')
    const [[tenant], [user], [session]] = await tenantFlight(sql, tenantScope(tenantId), (tx) => [
      selectTenant(tx, tenantId),
      selectUser(tx, tenantId, id),
      selectSessionMethod(tx, tenantId, caller.sessionId),
    ])
    if (tenant === undefined || (type === 'user' && user === undefined)) throw new AppError('invalid_token')
    return {
      status: 200,
      body: {
        principal: { type, id },
        user: type === 'user' && user !== undefined ? userView(keys.personal, user) : null,
        tenant: tenantView(keys.personal, tenant),
        permissions,
        required_actions:
          user === undefined || session === undefined
            ? []
            : requiredActions(readTenantSettings(keys.personal, tenantId, tenant), {
                role: user.role,
                method: session.method,
                hasTotp: user.totp_confirmed_at !== null,
                standsAlone: user.password_stands_alone,
              }),
      },
    }
  }
}
