import type { TenantSettings } from '@memoric/contracts/tenant-contract.ts'
import { createAddressCheck } from '@memoric/service/client-networks.ts'
import type { AuthConfig } from '../config.ts'
import type { AuthKeys } from '../keys/auth-keys.ts'
import { readTenantSettings } from '../tenants/tenant-settings.ts'
import type { RefusalReason } from '../throttle/refused-attempt.ts'
import type { SignInAccount } from './sign-in-repository.ts'

interface Installation {
  readonly config: AuthConfig
  readonly keys: AuthKeys
}

/** What the tenant of an account chose. */
export function settingsOf({ keys }: Pick<Installation, 'keys'>, account: SignInAccount): TenantSettings {
  const { tenant_settings: settings, tenant_ip_allow: ip_allow_sealed } = account
  return readTenantSettings(keys.personal, account.tenant_id, { settings, ip_allow_sealed })
}

/** What stands against signing in with a password that is right. Only who knows it learns more than that it did not work. */
export function objectionTo(installation: Installation, account: SignInAccount, address: string): RefusalReason | null {
  if (account.deactivated_at !== null) return 'deactivated'
  if (account.suspended) return 'tenant_suspended'
  const settings = settingsOf(installation, account)
  if (settings.sso_required && account.role !== 'owner') return 'sso_required'
  const isAllowed = settings.ip_allow === null ? null : createAddressCheck([settings.ip_allow])
  if (isAllowed?.(address) === false) return 'address_not_allowed'
  const mustBeVerified = installation.config.REGISTRATION === 'verified'
  return mustBeVerified && account.email_verified_at === null ? 'email_not_verified' : null
}
