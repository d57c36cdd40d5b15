import type { Permission, Role } from '@memoric/contracts/permissions.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { type SessionConfig, sessionEnds } from '../sessions/live-session-repository.ts'
import type { TenantSettingsRow } from '../tenants/tenant-settings.ts'

/** What of its tenant decides whether a credential stands. */
interface TenantPart {
  readonly tenant_id: string
  readonly tenant_settings: TenantSettingsRow['settings']
  readonly tenant_ip_allow: Uint8Array | null
  readonly suspended: boolean
}

export interface SessionGrantRow extends TenantPart {
  readonly role: Role
  readonly method: string
  readonly has_totp: boolean
  readonly password_stands_alone: boolean
  readonly active: boolean
  readonly revoked: boolean
  readonly expired: boolean
  readonly expires_at: Date
}

function tenantColumns(tx: Tx) {
  return tx`t.settings as tenant_settings, t.ip_allow_sealed as tenant_ip_allow, t.suspended_at is not null as suspended`
}

/** A session of a user, whether or not it still stands. */
export function selectSessionGrant(tx: Tx, sessionId: string, userId: string, config: SessionConfig) {
  const { lifetime, idle } = sessionEnds(tx, config)
  return tx<SessionGrantRow[]>`
    select s.tenant_id, u.role, s.method, u.totp_confirmed_at is not null as has_totp, u.password_stands_alone,
      u.deactivated_at is null as active, s.revoked_at is not null as revoked, least(${lifetime}, ${idle}) <= now() as expired,
      least(${lifetime}, ${idle}) as expires_at, ${tenantColumns(tx)}
    from sessions s
    join users u on u.tenant_id = s.tenant_id and u.id = s.user_id
    join tenants t on t.id = s.tenant_id
    where s.id = ${sessionId} and s.user_id = ${userId}`
}

export interface ApiKeyGrantRow extends TenantPart {
  readonly id: string
  readonly secret_hash: Uint8Array
  readonly scopes: Permission[]
  readonly namespaces: string[] | null
  readonly subjects: string[] | null
  readonly ip_allow_sealed: Uint8Array | null
  readonly rate_limit: number | null
  readonly revoked: boolean
  readonly expired: boolean
  readonly expires_at: Date
  /** Null for a key whose maker has been removed. */
  readonly creator_id: string | null
  readonly creator_role: Role | null
  readonly creator_active: boolean | null
}

function apiKeyGrant(tx: Tx) {
  return tx`
    select k.tenant_id, k.id, k.secret_hash, k.scopes, k.namespaces, k.subjects, k.ip_allow_sealed, k.rate_limit,
      k.revoked_at is not null as revoked, k.expires_at <= now() as expired, k.expires_at,
      u.id as creator_id, u.role as creator_role, u.deactivated_at is null as creator_active, ${tenantColumns(tx)}
    from api_keys k
    join tenants t on t.id = k.tenant_id
    left join users u on u.tenant_id = k.tenant_id and u.id = k.created_by`
}

/** A key by its public id, whether or not it still stands. */
export function selectApiKeyGrant(tx: Tx, keyId: string) {
  return tx<ApiKeyGrantRow[]>`${apiKeyGrant(tx)} where k.key_id = ${keyId}`
}

/** A key by the id of its row, as tokens that were issued for it name it. */
export function selectClientGrant(tx: Tx, tenantScopedId: string) {
  return tx<ApiKeyGrantRow[]>`${apiKeyGrant(tx)} where k.id = ${tenantScopedId}`
}
