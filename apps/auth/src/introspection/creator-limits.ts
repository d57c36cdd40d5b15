import type { AllowList } from '@memoric/contracts/caller.ts'
import { isConfinedToOwnSubject, type Permission, ROLE_PERMISSIONS, type Role } from '@memoric/contracts/permissions.ts'

/** The active user behind a key. */
export interface Creator {
  readonly id: string
  readonly role: Role
}

/** The scopes of a key that its creator still holds. */
export function scopesNow(scopes: readonly Permission[], creator: Creator): Permission[] {
  const held = ROLE_PERMISSIONS[creator.role]
  return scopes.filter((scope) => held.includes(scope))
}

/** The subjects of a key that its creator may still act for. */
export function subjectsNow(subjects: AllowList, creator: Creator): AllowList {
  if (!isConfinedToOwnSubject(creator.role)) return subjects
  return subjects === '*' || subjects.includes(creator.id) ? [creator.id] : []
}
