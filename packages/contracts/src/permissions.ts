import { z } from 'zod'

export const PERMISSIONS = [
  'memories:read',
  'memories:write',
  'memories:delete',
  'identity:write',
  'clusters:read',
  'clusters:write',
  'policies:execute',
  'policies:write',
  'audit:read',
  'keys:manage',
  'users:manage',
  'privacy:export',
  'privacy:erase',
  'events:subscribe',
  'admin:*',
] as const

export const permission = z.enum(PERMISSIONS)
export type Permission = z.infer<typeof permission>

export const ROLES = ['owner', 'admin', 'user', 'read_only'] as const
export const role = z.enum(ROLES)
export type Role = z.infer<typeof role>

/** What each role may do. `owner` and `admin` differ in one thing only: an owner can make and unmake owners. */
export const ROLE_PERMISSIONS: Readonly<Record<Role, readonly Permission[]>> = {
  owner: PERMISSIONS,
  admin: PERMISSIONS,
  user: ['memories:read', 'memories:write', 'memories:delete', 'identity:write', 'clusters:read', 'policies:execute'],
  read_only: ['memories:read', 'clusters:read'],
}

/** Roles confined to the one subject that is named like their user id. */
export function isConfinedToOwnSubject(role: Role): boolean {
  return role === 'user' || role === 'read_only'
}
