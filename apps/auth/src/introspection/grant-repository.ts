import type { Permission, Role } from '@memoric/contracts/permissions.ts'
import type { Tx } from '@memoric/postgres/lease.ts'

export interface SessionGrantRow {
  readonly tenant_id: string
  readonly role: Role
  readonly expires_at: Date
}

/** A session that is live, of a user that is active. */
export function selectSessionGrant(tx: Tx, sessionId: string, userId: string) {
  return tx<SessionGrantRow[]>`
    select s.tenant_id, u.role, least(s.expires_at, s.idle_expires_at) as expires_at
    from sessions s join users u on u.tenant_id = s.tenant_id and u.id = s.user_id
    where s.id = ${sessionId} and s.user_id = ${userId} and s.revoked_at is null
      and least(s.expires_at, s.idle_expires_at) > now() and u.deactivated_at is null`
}

export interface ApiKeyGrantRow {
  readonly tenant_id: string
  readonly id: string
  readonly secret_hash: Uint8Array
  readonly scopes: Permission[]
  readonly namespaces: string[] | null
  readonly subjects: string[] | null
  readonly expires_at: Date
  /** Both null unless the key was made by a user who is still active. */
  readonly creator_id: string | null
  readonly creator_role: Role | null
}

/** A key that is neither revoked nor expired, by its public id. */
export function selectApiKeyGrant(tx: Tx, keyId: string) {
  return tx<ApiKeyGrantRow[]>`
    select k.tenant_id, k.id, k.secret_hash, k.scopes, k.namespaces, k.subjects, k.expires_at,
      u.id as creator_id, u.role as creator_role
    from api_keys k
    left join users u on u.tenant_id = k.tenant_id and u.id = k.created_by and u.deactivated_at is null
    where k.key_id = ${keyId} and k.revoked_at is null and k.expires_at > now()`
}
