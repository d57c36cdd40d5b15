import type { Caller } from '@memoric/contracts/caller.ts'
import { ROLE_PERMISSIONS } from '@memoric/contracts/permissions.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { lockMembers, type MemberRow } from './member-repository.ts'

/** Who asks for a change among members. */
export interface Actor {
  readonly caller: Caller
  /** The row of a signed-in user; null for an API key, which never counts as an owner. */
  readonly user: MemberRow | null
}

/** What a change among members is decided by, as it is now. */
export interface Membership {
  readonly actor: Actor
  /** The member whom the change is about, if there is one. */
  readonly target: MemberRow | undefined
  /** Active owners besides the target. */
  readonly otherOwners: number
}

/**
 * Locks the members whom a change concerns: the caller, the target and every owner, so that changes in a tenant go one after the other.
 * Throws AppError `invalid_token` or `permission_denied` when the caller was stopped or demoted a moment ago.
 */
export async function lockMembership(tx: Tx, caller: Caller, targetId: string | null): Promise<Membership> {
  const callerId = caller.principal.type === 'user' ? caller.principal.id : null
  const rows = await lockMembers(tx, caller.tenantId, callerId, targetId)
  const isOtherOwner = ({ id, role, deactivated_at }: MemberRow) =>
    id !== targetId && role === 'owner' && deactivated_at === null
  return {
    actor: { caller, user: callerId === null ? null : requireManager(rows.find(({ id }) => id === callerId)) },
    target: rows.find(({ id }) => id === targetId),
    otherOwners: rows.filter(isOtherOwner).length,
  }
}

function requireManager(user: MemberRow | undefined): MemberRow {
  if (user?.deactivated_at !== null) throw new AppError('invalid_token')
  if (!ROLE_PERMISSIONS[user.role].includes('users:manage')) throw new AppError('permission_denied')
  return user
}

/** The member whom the change is about. Throws AppError `user_not_found`. */
export function targetOf({ target }: Membership): MemberRow {
  if (target === undefined) throw new AppError('user_not_found')
  return target
}
