import type { Role } from '@memoric/contracts/permissions.ts'
import type { Tx } from '@memoric/postgres/lease.ts'

export interface UserRow {
  readonly tenant_id: string
  readonly id: string
  readonly email_sealed: Uint8Array
  readonly display_name_sealed: Uint8Array | null
  readonly role: Role
  readonly deactivated_at: Date | null
  readonly email_verified_at: Date | null
  readonly totp_confirmed_at: Date | null
  /** Whether the password is long enough without a second factor. */
  readonly password_stands_alone: boolean
  readonly last_sign_in_at: Date | null
  readonly created_at: Date
}

/** A user with what sign-in looks at. */
export interface AccountRow extends UserRow {
  readonly password_hash: string | null
  readonly totp_sealed: Uint8Array | null
}

export type NewUser = Pick<
  AccountRow,
  'tenant_id' | 'id' | 'email_sealed' | 'display_name_sealed' | 'role' | 'password_hash'
> & { readonly email_index: Uint8Array }

/** The columns of a UserRow. */
export function userColumns(tx: Tx) {
  return tx`tenant_id, id, email_sealed, display_name_sealed, role, deactivated_at, email_verified_at,
    totp_confirmed_at, password_stands_alone, last_sign_in_at, created_at`
}

export function selectUser(tx: Tx, tenantId: string, id: string) {
  return tx<UserRow[]>`select ${userColumns(tx)} from users where tenant_id = ${tenantId} and id = ${id}`
}

/** Lets one transaction at a time decide whether an e-mail is free. */
export function lockEmail(tx: Tx, emailIndex: Buffer) {
  return tx`select pg_advisory_xact_lock(${emailIndex.readBigInt64BE().toString()}::bigint)`
}

export function selectEmailTaken(tx: Tx, emailIndex: Uint8Array) {
  return tx`select 1 from users where email_index = ${emailIndex} limit 1`
}

export function insertUser(tx: Tx, user: NewUser) {
  return tx<UserRow[]>`
    insert into users (tenant_id, id, email_index, email_sealed, display_name_sealed, role, password_hash)
    values (${user.tenant_id}, ${user.id}, ${user.email_index}, ${user.email_sealed}, ${user.display_name_sealed},
      ${user.role}, ${user.password_hash})
    returning ${userColumns(tx)}`
}

/** Replaces a hash by one of today's cost, unless the password has changed in between. */
export function replacePasswordHash(tx: Tx, { tenant_id, id, password_hash }: AccountRow, newHash: string) {
  return tx`
    update users set password_hash = ${newHash}
    where tenant_id = ${tenant_id} and id = ${id} and password_hash = ${password_hash}`
}

/** Notes that the address is proven; gives a row unless it was. */
export function markEmailVerified(tx: Tx, tenantId: string, id: string) {
  return tx`
    update users set email_verified_at = now()
    where tenant_id = ${tenantId} and id = ${id} and email_verified_at is null
    returning 1`
}
