import type { Role } from '@memoric/contracts/permissions.ts'
import type { Tx } from '@memoric/postgres/lease.ts'

export interface UserRow {
  readonly tenant_id: string
  readonly id: string
  readonly email_sealed: Uint8Array
  readonly display_name_sealed: Uint8Array | null
  readonly role: Role
  readonly created_at: Date
}

/** A user with what sign-in looks at. */
export interface AccountRow extends UserRow {
  readonly password_hash: string
  readonly deactivated_at: Date | null
}

export type NewUser = Omit<AccountRow, 'created_at' | 'deactivated_at'> & { readonly email_index: Uint8Array }

export function selectUser(tx: Tx, tenantId: string, id: string) {
  return tx<UserRow[]>`
    select tenant_id, id, email_sealed, display_name_sealed, role, created_at
    from users where tenant_id = ${tenantId} and id = ${id}`
}

/** The accounts of an e-mail in every tenant, or in the one that is named; oldest first, `max` rows at most. */
export function selectAccounts(tx: Tx, emailIndex: Uint8Array, tenantId: string | null, max: number) {
  return tx<AccountRow[]>`
    select tenant_id, id, email_sealed, display_name_sealed, role, created_at, password_hash, deactivated_at
    from users
    where email_index = ${emailIndex} and (${tenantId}::uuid is null or tenant_id = ${tenantId})
    order by created_at, id limit ${max}`
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
    returning tenant_id, id, email_sealed, display_name_sealed, role, created_at`
}

/** Replaces a hash by one of today's cost, unless the password has changed in between. */
export function replacePasswordHash(tx: Tx, { tenant_id, id, password_hash }: AccountRow, newHash: string) {
  return tx`
    update users set password_hash = ${newHash}
    where tenant_id = ${tenant_id} and id = ${id} and password_hash = ${password_hash}`
}
