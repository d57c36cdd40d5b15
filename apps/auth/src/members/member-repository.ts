import type { Role } from '@memoric/contracts/permissions.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { userColumns, type UserRow } from '../accounts/user-repository.ts'

/** A user with what administrators act on. */
export interface MemberRow extends UserRow {
  /** Whether there is an authenticator app, in use or not yet confirmed. */
  readonly has_totp: boolean
}

/** Locks all owners and the members that are named, in one order, as they are once nobody else has locked them. */
export function lockMembers(tx: Tx, tenantId: string, callerId: string | null, targetId: string | null) {
  return tx<MemberRow[]>`
    select ${userColumns(tx)}, totp_sealed is not null as has_totp from users
    where tenant_id = ${tenantId} and (role = 'owner' or id = ${callerId} or id = ${targetId})
    order by id for update`
}

/** Which members of a tenant. */
export interface MemberFilter {
  readonly emailIndex: Uint8Array | null
  readonly before: string | null
}

/** Newest first: ids ascend with time. */
export function selectMembers(tx: Tx, tenantId: string, { emailIndex, before }: MemberFilter, max: number) {
  return tx<UserRow[]>`
    select ${userColumns(tx)} from users
    where tenant_id = ${tenantId} and (${before}::uuid is null or id < ${before})
      and (${emailIndex}::bytea is null or email_index = ${emailIndex})
    order by id desc limit ${max}`
}

/** What an administrator changes of a member. */
export interface MemberColumns {
  readonly role: Role
  readonly active: boolean
  readonly display_name_sealed: Uint8Array | null
}

/** A deactivated member keeps the time of the first deactivation. */
export function updateMember(tx: Tx, { tenant_id, id }: UserRow, to: MemberColumns) {
  return tx<UserRow[]>`
    update users set role = ${to.role}, display_name_sealed = ${to.display_name_sealed},
      deactivated_at = case when ${to.active}::boolean then null else coalesce(deactivated_at, now()) end
    where tenant_id = ${tenant_id} and id = ${id}
    returning ${userColumns(tx)}`
}

/** Removes a member; sessions, tokens and identities at providers go along. */
export function deleteMember(tx: Tx, { tenant_id, id }: UserRow) {
  return tx`delete from users where tenant_id = ${tenant_id} and id = ${id}`
}

export function clearTotp(tx: Tx, { tenant_id, id }: UserRow) {
  return tx`
    update users set totp_sealed = null, totp_confirmed_at = null, totp_last_step = null, recovery_code_hashes = '{}'
    where tenant_id = ${tenant_id} and id = ${id}`
}

/** Ids of the live keys that a member made. */
export function selectKeyIdsOf(tx: Tx, { tenant_id, id }: UserRow) {
  return tx<{ id: string }[]>`
    select id from api_keys
    where tenant_id = ${tenant_id} and created_by = ${id} and revoked_at is null and expires_at > now()`
}
