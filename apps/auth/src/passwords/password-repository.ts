import type { Tx } from '@memoric/postgres/lease.ts'
import { type AccountRow, userColumns, type UserRow } from '../accounts/user-repository.ts'

/** A user with the hash of the password. */
export type PasswordUser = UserRow & Pick<AccountRow, 'password_hash'>

export function selectPasswordUser(tx: Tx, tenantId: string, id: string) {
  return tx<PasswordUser[]>`
    select ${userColumns(tx)}, password_hash from users
    where tenant_id = ${tenantId} and id = ${id} and deactivated_at is null`
}

/** A password to store. */
export interface NewPassword {
  readonly hash: string
  /** Whether it is long enough without a second factor. */
  readonly standsAlone: boolean
}

/** Changes a password, unless the password or the second factor has changed since the user was read. */
export function changePasswordHash(tx: Tx, user: PasswordUser, { hash, standsAlone }: NewPassword) {
  return tx`
    update users set password_hash = ${hash}, password_stands_alone = ${standsAlone}
    where ${unchanged(tx, user)} and password_hash = ${user.password_hash}
    returning 1`
}

/** Sets a password, also a first one, for a user who has shown to receive mail; unless something has changed since the user was read. */
export function resetPasswordHash(tx: Tx, user: UserRow, { hash, standsAlone }: NewPassword) {
  return tx`
    update users
    set password_hash = ${hash}, password_stands_alone = ${standsAlone},
      email_verified_at = coalesce(email_verified_at, now())
    where ${unchanged(tx, user)}
      and exists (select 1 from tenants where id = ${user.tenant_id} and suspended_at is null)
    returning 1`
}

/** The rules of the new password depend on the second factor. */
function unchanged(tx: Tx, { tenant_id, id, totp_confirmed_at: confirmedAt }: UserRow) {
  return tx`tenant_id = ${tenant_id} and id = ${id} and deactivated_at is null
    and (totp_confirmed_at is not null) = ${confirmedAt !== null}`
}
