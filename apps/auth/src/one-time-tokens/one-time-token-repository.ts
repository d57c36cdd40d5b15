import type { Tx } from '@memoric/postgres/lease.ts'
import type { UserRow } from '../accounts/user-repository.ts'
import { userColumns } from '../accounts/user-repository.ts'
import type { TokenPurpose } from './one-time-token.ts'

/** Where a token is stored. */
export interface TokenPlace {
  readonly tenantId: string
  readonly userId: string
  readonly purpose: TokenPurpose
}

/** Stores the hash of a token, and keeps the newest `keep` of the user for this purpose. */
export function insertToken(
  tx: Tx,
  { tenantId, userId, purpose }: TokenPlace,
  token: { readonly hash: Uint8Array; readonly minutes: number; readonly keep: number },
) {
  return tx`
    with surplus as (
      delete from one_time_tokens
      where tenant_id = ${tenantId} and hash in (
        select hash from one_time_tokens
        where tenant_id = ${tenantId} and user_id = ${userId} and purpose = ${purpose}
        order by created_at desc, hash offset ${token.keep - 1}))
    insert into one_time_tokens (tenant_id, hash, user_id, purpose, expires_at)
    values (${tenantId}, ${token.hash}, ${userId}, ${purpose}, now() + make_interval(mins => ${token.minutes}))`
}

/** The active user of a live token, whatever the tenant; a suspended tenant has no active users. */
export function selectUserOfToken(tx: Tx, purpose: TokenPurpose, hash: Uint8Array) {
  return tx<UserRow[]>`
    select ${userColumns(tx)} from users u
    where deactivated_at is null and (tenant_id, id) in (
      select t.tenant_id, t.user_id from one_time_tokens t join tenants on tenants.id = t.tenant_id
      where t.hash = ${hash} and t.purpose = ${purpose} and t.expires_at > now() and tenants.suspended_at is null)`
}

/** Takes a live token away; gives a row to one of any number that use it at once. */
export function takeToken(tx: Tx, { tenantId, userId, purpose }: TokenPlace, hash: Uint8Array) {
  return tx`
    delete from one_time_tokens
    where tenant_id = ${tenantId} and hash = ${hash} and user_id = ${userId} and purpose = ${purpose}
      and expires_at > now()
    returning 1`
}

/** Deletes the tokens of a user: those for one purpose, or all. */
export function deleteTokens(tx: Tx, tenantId: string, userId: string, purpose: TokenPurpose | null = null) {
  return tx`
    delete from one_time_tokens
    where tenant_id = ${tenantId} and user_id = ${userId} and (${purpose}::text is null or purpose = ${purpose})`
}
