import { tenantView, userView } from '../accounts/account-views.ts'
import type { TenantRow } from '../accounts/tenant-repository.ts'
import type { UserRow } from '../accounts/user-repository.ts'
import type { FieldSealer } from '../keys/field-sealer.ts'
import { readTenantSettings } from '../tenants/tenant-settings.ts'
import type { PasswordOwner } from './password-rules.ts'

/** What a new password of a user is measured by. */
export function passwordOwner(personal: FieldSealer, user: UserRow, tenant: TenantRow): PasswordOwner {
  const { email, display_name: displayName, totp_enabled: hasSecondFactor } = userView(personal, user)
  return {
    email,
    displayName,
    tenantName: tenantView(personal, tenant).name,
    hasSecondFactor,
    minLength: readTenantSettings(personal, tenant.id, tenant).password_min_length,
  }
}
