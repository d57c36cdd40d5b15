import type { Tx } from '@memoric/postgres/lease.ts'
import { type AccountRow, userColumns } from '../accounts/user-repository.ts'

/** An account that somebody wants to sign in to, with the rules of its tenant. */
export interface SignInAccount extends AccountRow {
  readonly tenant_settings: unknown
  readonly tenant_ip_allow: Uint8Array | null
  readonly suspended: boolean
}

/** The accounts of an e-mail in every tenant, or in the one that is named; oldest first, `max` rows at most. */
export function selectSignInAccounts(tx: Tx, emailIndex: Uint8Array, tenantId: string | null, max: number) {
  return tx<SignInAccount[]>`
    select u.*, t.settings as tenant_settings, t.ip_allow_sealed as tenant_ip_allow, t.suspended_at is not null as suspended
    from (
      select ${userColumns(tx)}, password_hash, totp_sealed from users
      where email_index = ${emailIndex} and (${tenantId}::uuid is null or tenant_id = ${tenantId})
      order by created_at, id limit ${max}
    ) u
    join tenants t on t.id = u.tenant_id
    order by u.created_at, u.id`
}
