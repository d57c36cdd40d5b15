import type { AllowList } from '@memoric/contracts/caller.ts'
import { isConfinedToOwnSubject, type Permission, ROLE_PERMISSIONS, type Role } from '@memoric/contracts/permissions.ts'

/** The user who made a key, while that user is active. */
export interface Creator {
  readonly id: string
  readonly role: Role
}

/** The scopes of a key that its creator still holds; all of them when the creator has left the tenant. */
export function scopesNow(scopes: readonly Permission[], creator: Creator | null): Permission[] {
  if (creator === null) return [...scopes]
  const held = ROLE_PERMISSIONS[creator.role]
  return scopes.filter((scope) => held.includes(scope))
}

/** The subjects of a key that its creator may still act for. */
export function subjectsNow(subjects: AllowList, creator: Creator | null): AllowList {
  if (creator === null || !isConfinedToOwnSubject(creator.role)) return subjects
  return subjects === '*' || subjects.includes(creator.id) ? [creator.id] : []
}
