import type { Tx } from '@memoric/postgres/lease.ts'
import { byteaArray } from '@memoric/postgres/array-parameter.ts'
import type { TenantSettingsRow } from '../tenants/tenant-settings.ts'

/** How long after a sign-in its session may change the ways to sign in. */
const RECENT_MINUTES = 15

/** A signed-in user with what decides over the second factor. */
export interface TotpUserRow extends TenantSettingsRow {
  readonly tenant_id: string
  readonly id: string
  readonly email_sealed: Uint8Array
  readonly password_hash: string | null
  /** Whether the password is long enough without a second factor. */
  readonly password_stands_alone: boolean
  readonly totp_sealed: Uint8Array | null
  readonly confirmed: boolean
  /** Whether the session began in the last minutes. */
  readonly recent: boolean
  /** Whether it began with a second factor. */
  readonly second_factor: boolean
}

/** The user of a session. */
export interface SessionOwner {
  readonly tenantId: string
  readonly userId: string
  readonly sessionId: string
}

export function selectTotpUser(tx: Tx, { tenantId, userId, sessionId }: SessionOwner) {
  return tx<TotpUserRow[]>`
    select u.tenant_id, u.id, u.email_sealed, u.password_hash, u.password_stands_alone, u.totp_sealed,
      u.totp_confirmed_at is not null as confirmed,
      s.created_at > now() - make_interval(mins => ${RECENT_MINUTES}) as recent, s.second_factor,
      t.settings, t.ip_allow_sealed
    from users u
    join sessions s on s.tenant_id = u.tenant_id and s.user_id = u.id
    join tenants t on t.id = u.tenant_id
    where u.tenant_id = ${tenantId} and u.id = ${userId} and s.id = ${sessionId}
      and u.deactivated_at is null and s.revoked_at is null`
}

type UserId = Pick<TotpUserRow, 'tenant_id' | 'id'>
type FactorId = Pick<TotpUserRow, 'tenant_id' | 'id' | 'totp_sealed'>

/** Stores a secret that does not count yet; nothing comes back when one counts already. */
export function storeSecret(tx: Tx, { tenant_id, id }: UserId, sealed: Uint8Array) {
  return tx`
    update users set totp_sealed = ${sealed}, totp_last_step = null
    where tenant_id = ${tenant_id} and id = ${id} and totp_confirmed_at is null
    returning 1`
}

/** Lets a secret count, unless it is another one by now; nothing comes back then. */
export function confirmSecret(tx: Tx, { tenant_id, id, totp_sealed }: FactorId, step: number, hashes: Buffer[]) {
  return tx`
    update users
    set totp_confirmed_at = now(), totp_last_step = ${step}, recovery_code_hashes = ${byteaArray(hashes)}
    where tenant_id = ${tenant_id} and id = ${id} and totp_sealed = ${totp_sealed} and totp_confirmed_at is null
    returning 1`
}

/** Takes the second factor away; nothing comes back when there was none. */
export function removeSecret(tx: Tx, { tenant_id, id }: UserId) {
  return tx`
    update users
    set totp_sealed = null, totp_confirmed_at = null, totp_last_step = null, recovery_code_hashes = '{}'
    where tenant_id = ${tenant_id} and id = ${id} and totp_confirmed_at is not null
      and (password_hash is null or password_stands_alone)
    returning 1`
}

/** A factor that was spent. */
export interface Spent {
  /** Recovery codes that are left, where one was spent. */
  readonly left: number | null
}

/** Nothing comes back when the step, or a later one, was spent before. */
export function spendStep(tx: Tx, { tenant_id, id, totp_sealed }: FactorId, step: number) {
  return tx<Spent[]>`
    update users set totp_last_step = ${step}
    where tenant_id = ${tenant_id} and id = ${id} and totp_sealed = ${totp_sealed} and totp_confirmed_at is not null
      and (totp_last_step is null or totp_last_step < ${step})
    returning null::integer as left`
}

/** Nothing comes back when there is no such code, or no more. */
export function spendRecoveryCode(tx: Tx, { tenant_id, id, totp_sealed }: FactorId, hash: Buffer) {
  return tx<Spent[]>`
    update users set recovery_code_hashes = array_remove(recovery_code_hashes, ${hash}::bytea)
    where tenant_id = ${tenant_id} and id = ${id} and totp_sealed = ${totp_sealed} and totp_confirmed_at is not null
      and ${hash}::bytea = any(recovery_code_hashes)
    returning cardinality(recovery_code_hashes) as left`
}

/** Nothing comes back when the user keeps a second factor by now. */
export function selectWithoutFactor(tx: Tx, { tenant_id, id }: UserId) {
  return tx`
    select 1 from users where tenant_id = ${tenant_id} and id = ${id} and totp_confirmed_at is null`
}
