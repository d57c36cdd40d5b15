import type { Caller } from '@memoric/contracts/caller.ts'
import { type Permission, ROLE_PERMISSIONS, type Role } from '@memoric/contracts/permissions.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Actor, Membership } from './membership.ts'
import type { MemberRow } from './member-repository.ts'

/** Throws AppError `owner_required` unless a signed-in owner asks. */
export function requireOwner({ user }: Actor): void {
  if (user?.role !== 'owner') throw new AppError('owner_required')
}

/** Only owners change owners. Throws AppError `owner_required`. */
export function requireAuthorityOver(actor: Actor, { role }: MemberRow): void {
  if (role === 'owner') requireOwner(actor)
}

/**
 * A role is given by those who hold all that it may do; that of an owner by owners. Throws AppError `owner_required` or what
 * `requireHolds` throws.
 */
export function requireMayGive(actor: Actor, role: Role): void {
  requireHolds(actor.caller, role)
  if (role === 'owner') requireOwner(actor)
}

/**
 * Throws AppError `scope_exceeds_creator` when the caller lacks a permission of the role; `subject_not_allowed` or
 * `namespace_not_allowed` when the caller is limited, since no role is.
 */
export function requireHolds({ permissions, subjects, namespaces }: Caller, role: Role): void {
  const missing = missingOf(permissions, role)
  if (missing.length > 0) throw new AppError('scope_exceeds_creator', { detail: `not held: ${missing.join(', ')}` })
  const detail = 'a credential that is limited gives no role'
  if (subjects !== '*') throw new AppError('subject_not_allowed', { detail })
  if (namespaces !== '*') throw new AppError('namespace_not_allowed', { detail })
}

/** Whether a user of the role `giver` may make members of the role `given`. */
export function roleMayGive(giver: Role, given: Role): boolean {
  const held = ROLE_PERMISSIONS[giver]
  if (given === 'owner' && giver !== 'owner') return false
  return held.includes('users:manage') && missingOf(held, given).length === 0
}

function missingOf(held: readonly Permission[], role: Role): Permission[] {
  return ROLE_PERMISSIONS[role].filter((permission) => !held.includes(permission))
}

/** Throws AppError `last_owner` when no active owner would be left without the target. */
export function requireAnotherOwner({ target, otherOwners }: Membership): void {
  if (target?.role !== 'owner' || target.deactivated_at !== null) return
  if (otherOwners === 0) throw new AppError('last_owner')
}
