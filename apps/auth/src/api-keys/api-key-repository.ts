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
  readonly created_by: string | null
  readonly created_at: Date
  readonly expires_at: Date
  readonly last_used_at: Date | null
  readonly revoked_at: Date | null
}

export type NewApiKey = Omit<ApiKeyRow, 'created_by' | 'created_at' | 'expires_at' | 'last_used_at' | 'revoked_at'> & {
  readonly secret_hash: Uint8Array
  /** Id of the user or of the API key that makes it. */
  readonly made_by: string
  readonly expires_in_days: number
}

function columns(tx: Tx) {
  return tx`tenant_id, id, key_id, name_sealed, scopes, namespaces, subjects, created_by, created_at, expires_at,
    last_used_at, revoked_at`
}

/** A key that another key makes counts as made by the user behind that one, so that it never outgrows the user. */
export function insertApiKey(tx: Tx, key: NewApiKey) {
  return tx<ApiKeyRow[]>`
    insert into api_keys (tenant_id, id, key_id, secret_hash, name_sealed, scopes, namespaces, subjects, created_by,
      expires_at)
    values (${key.tenant_id}, ${key.id}, ${key.key_id}, ${key.secret_hash}, ${key.name_sealed}, ${key.scopes}::text[],
      ${key.namespaces}::text[], ${key.subjects}::text[],
      coalesce(
        (select id from users where tenant_id = ${key.tenant_id} and id = ${key.made_by}),
        (select created_by from api_keys where tenant_id = ${key.tenant_id} and id = ${key.made_by})),
      now() + make_interval(days => ${key.expires_in_days}))
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

/** Revokes a key that is not revoked; gives its public id, or nothing. */
export function revokeApiKeyRow(tx: Tx, tenantId: string, id: string) {
  return tx<{ key_id: string }[]>`
    update api_keys set revoked_at = now()
    where tenant_id = ${tenantId} and id = ${id} and revoked_at is null
    returning key_id`
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
