import type { TenantId } from '@memoric/contracts/ids.ts'
import type { TenantSettings } from '@memoric/contracts/tenant-contract.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Deps } from '../deps.ts'
import { readTenantSettings } from '../tenants/tenant-settings.ts'
import { findProvider } from './sso-provider-repository.ts'
import { ssoUrls } from './sso-provider-view.ts'
import { openSsoSettings, type SsoSettings } from './sso-settings.ts'

/** A provider through which somebody signs in to its tenant. */
export interface SignInProvider {
  readonly tenantId: TenantId
  readonly id: string
  readonly settingsSealed: Uint8Array
  readonly settings: SsoSettings
  readonly tenantSettings: TenantSettings
  readonly redirectUri: string
}

/** Finds a provider by its id alone. Throws AppError `sso_provider_not_found`, `tenant_suspended`. */
export async function findSignInProvider({ sql, keys, config }: Deps, id: string): Promise<SignInProvider> {
  const [[row]] = await systemFlight(sql, (tx) => [findProvider(tx, id)])
  if (row === undefined) throw new AppError('sso_provider_not_found')
  if (row.suspended) throw new AppError('tenant_suspended')
  const { tenant_settings: settings, tenant_ip_allow: ip_allow_sealed } = row
  return {
    // From a row of that tenant.
    tenantId: row.tenant_id as TenantId,
    id,
    settingsSealed: row.settings_sealed,
    settings: openSsoSettings(keys.credentials, row),
    tenantSettings: readTenantSettings(keys.personal, row.tenant_id, { settings, ip_allow_sealed }),
    redirectUri: ssoUrls(config, id).redirect_uri,
  }
}
