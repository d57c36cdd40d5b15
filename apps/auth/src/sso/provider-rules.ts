import type { Caller } from '@memoric/contracts/caller.ts'
import type { Role } from '@memoric/contracts/permissions.ts'
import { requireHolds } from '../members/member-rules.ts'
import type { SsoSettings } from './sso-settings.ts'

/**
 * Whoever sets up a provider can come in through it as any member but an owner, so must hold all that those may do.
 * Throws AppError as `requireHolds`.
 */
export function requireMayProvide(caller: Caller): void {
  requireHolds(caller, 'admin')
}

/** Roles that somebody may get through a provider. */
export function givenRoles({ default_role, role_mapping }: SsoSettings): Role[] {
  const mapped = Object.values(role_mapping)
  return [...new Set(default_role === null ? mapped : [default_role, ...mapped])].toSorted()
}
