import type { UserId } from '@memoric/contracts/ids.ts'
import type { Permission } from '@memoric/contracts/permissions.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { KeyUsed } from './key-use.ts'

export interface ApiKeyRow {
  readonly tenant_id: string
  readonly id: string
  readonly key_id: string
  readonly name_sealed: Uint8Array
  readonly scopes: Permission[]
  readonly namespaces: string[] | null
  readonly subjects: string[] | null
  readonly ip_allow_sealed: Uint8Array | null
  readonly rate_limit: number | null
  readonly created_by: string | null
  readonly created_at: Date
  readonly expires_at: Date
  readonly last_used_at: Date | null
  readonly revoked_at: Date | null
  readonly successor_id: string | null
}

export type NewApiKey = Omit<
  ApiKeyRow,
  'created_at' | 'expires_at' | 'last_used_at' | 'revoked_at' | 'successor_id'
> & {
  readonly secret_hash: Uint8Array
  readonly lifetime_seconds: number
  /** It ends then at the latest; null is no such limit. */
  readonly ends_by: Date | null
}

function columns(tx: Tx) {
  return tx`tenant_id, id, key_id, name_sealed, scopes, namespaces, subjects, created_by, created_at, expires_at,
    last_used_at, revoked_at, ip_allow_sealed, rate_limit, successor_id`
}

/**
 * The user behind a new key, who is not removed until the transaction ends: the one with this id, or the one behind the key with this id,
 * so that what a key makes never outgrows the user. Taken before any key is locked, as whoever removes a user does.
 */
export function lockCreator(tx: Tx, tenantId: string, principalId: string) {
  return tx<{ id: string }[]>`
    select id from users
    where tenant_id = ${tenantId} and id = coalesce(
      (select created_by from api_keys where tenant_id = ${tenantId} and id = ${principalId}), ${principalId})
    for key share`
}

/**
 * Holds the user who stands behind a new key, and the tenant, as they are until the transaction ends: nobody contains them in
 * between. No row when one of them has been stopped.
 */
export function holdCreator(tx: Tx, tenantId: string, userId: string) {
  return tx<{ id: string }[]>`
    with tenant as materialized (
      select id from tenants where id = ${tenantId} and suspended_at is null for share
    )
    select u.id from tenant join users u on u.tenant_id = tenant.id
    where u.id = ${userId} and u.deactivated_at is null for share of u`
}

export function insertApiKey(tx: Tx, key: NewApiKey) {
  return tx<ApiKeyRow[]>`
    insert into api_keys (tenant_id, id, key_id, secret_hash, name_sealed, scopes, namespaces, subjects, ip_allow_sealed,
      rate_limit, created_by, expires_at)
    values (${key.tenant_id}, ${key.id}, ${key.key_id}, ${key.secret_hash}, ${key.name_sealed}, ${key.scopes}::text[],
      ${key.namespaces}::text[], ${key.subjects}::text[], ${key.ip_allow_sealed}, ${key.rate_limit}, ${key.created_by},
      least(now() + make_interval(secs => ${key.lifetime_seconds}), ${key.ends_by}::timestamptz))
    returning ${columns(tx)}`
}

export function selectApiKey(tx: Tx, tenantId: string, id: string) {
  return tx<ApiKeyRow[]>`select ${columns(tx)} from api_keys where tenant_id = ${tenantId} and id = ${id}`
}

/** Newest first: ids ascend with time. */
export function selectApiKeys(tx: Tx, tenantId: string, before: string | null, max: number) {
  return tx<ApiKeyRow[]>`
    select ${columns(tx)} from api_keys
    where tenant_id = ${tenantId} and (${before}::uuid is null or id < ${before})
    order by id desc limit ${max}`
}

/** A key that nobody else changes until the transaction ends, and whether it was revoked or rotated, or has expired. */
export function lockApiKey(tx: Tx, tenantId: string, id: string) {
  return tx<(ApiKeyRow & { readonly ended: boolean })[]>`
    select ${columns(tx)}, revoked_at is not null or successor_id is not null or expires_at <= now() as ended
    from api_keys where tenant_id = ${tenantId} and id = ${id} for no key update`
}

/** Revokes a key that is not revoked; gives its public id, or nothing. */
export function revokeApiKeyRow(tx: Tx, tenantId: string, id: string, reason: 'revoked' | 'leaked') {
  return tx<{ key_id: string }[]>`
    update api_keys set revoked_at = now(), revoked_reason = ${reason}
    where tenant_id = ${tenantId} and id = ${id} and revoked_at is null
    returning key_id`
}

/** Whom the end of a key concerns: the active user behind it and the owners of the tenant. */
export function selectKeyGuardians(tx: Tx, tenantId: string, creatorId: string | null) {
  return tx<{ id: UserId }[]>`
    select id from users
    where tenant_id = ${tenantId} and deactivated_at is null and (role = 'owner' or id = ${creatorId}::uuid)
    order by id limit 20`
}

/** Names the key that takes the place of another, which works on for `overlapSeconds`, or is revoked when that is 0. */
export function replaceApiKey(tx: Tx, old: ApiKeyRow, successorId: string, overlapSeconds: number) {
  const endsNow = overlapSeconds === 0
  return tx<{ expires_at: Date }[]>`
    update api_keys set successor_id = ${successorId},
      expires_at = least(expires_at, now() + make_interval(secs => ${overlapSeconds})),
      revoked_at = case when ${endsNow} then now() end, revoked_reason = case when ${endsNow} then 'rotated' end
    where tenant_id = ${old.tenant_id} and id = ${old.id}
    returning expires_at`
}

/** Moves last uses forward, never back; rows are locked in one order, so that replicas do not wait for each other in a circle. */
export function updateLastUsed(tx: Tx, used: readonly KeyUsed[]) {
  return tx`
    with later as (
      select k.tenant_id, k.id, to_timestamp(u.at / 1000) as at
      from unnest(
        ${used.map(({ tenantId }) => tenantId)}::uuid[], ${used.map(({ id }) => id)}::uuid[],
        ${used.map(({ at }) => at)}::float8[]
      ) as u (tenant_id, id, at)
      join api_keys k on k.tenant_id = u.tenant_id and k.id = u.id
      where k.last_used_at is null or k.last_used_at < to_timestamp(u.at / 1000)
      order by k.tenant_id, k.id
      for update of k
    )
    update api_keys k set last_used_at = greatest(k.last_used_at, later.at)
    from later where k.tenant_id = later.tenant_id and k.id = later.id`
}
