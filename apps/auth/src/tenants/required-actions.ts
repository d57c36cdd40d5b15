import type { RequiredAction } from '@memoric/contracts/auth-contract.ts'
import type { Role } from '@memoric/contracts/permissions.ts'
import type { TenantSettings } from '@memoric/contracts/tenant-contract.ts'

/** A session as the rules of its tenant see it. */
export interface JudgedSession {
  readonly role: Role
  readonly method: string
  readonly hasTotp: boolean
  /** Whether the password is long enough without a second factor, which an administrator may have taken away. */
  readonly standsAlone: boolean
}

/**
 * What is asked of a user before the user may do anything: by the tenant, or since the password is too short to stand alone. Whoever signs in through a provider has the second factor there;
 * owners are not bound to a provider, so that a broken one locks nobody out for good.
 */
export function requiredActions(
  settings: Pick<TenantSettings, 'totp_required' | 'sso_required'>,
  { role, method, hasTotp, standsAlone }: JudgedSession,
): RequiredAction[] {
  if (method === 'sso') return []
  if (settings.sso_required && role !== 'owner') return ['sign_in_with_sso']
  return (settings.totp_required || !standsAlone) && !hasTotp ? ['enroll_totp'] : []
}
