import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { selectTenant } from '../accounts/tenant-repository.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { tenantWithSettingsView } from './tenant-with-settings-view.ts'

/** The tenant of the caller with its settings. */
export function getTenant({ sql, keys }: Deps): Handler<'getTenant'> {
  return async ({ context: { caller } }) => {
    const [[row]] = await tenantFlight(sql, tenantScope(caller.tenantId), (tx) => [selectTenant(tx, caller.tenantId)])
    if (row === undefined) throw new AppError('invalid_token')
    return { status: 200, body: tenantWithSettingsView(keys.personal, row) }
  }
}
