import type { Tx } from '@memoric/postgres/lease.ts'
import { type AccountRow, userColumns } from '../accounts/user-repository.ts'

/** An account that somebody wants to sign in to, with the rules of its tenant. */
export interface SignInAccount extends AccountRow {
  readonly tenant_settings: unknown
  readonly tenant_ip_allow: Uint8Array | null
  readonly suspended: boolean
  /**
   * Whether who signs in to it is taken for the person of the e-mail: nobody else's account has it longer or has proven it. Whoever
   * manages a tenant can make an account there for any e-mail, with a password of their own choice.
   */
  readonly is_of_person: boolean
}

/** The accounts of an e-mail in every tenant, or in the one that is named; oldest first, `max` rows at most. */
export function selectSignInAccounts(tx: Tx, emailIndex: Uint8Array, tenantId: string | null, max: number) {
  return tx<SignInAccount[]>`
    select u.*, t.settings as tenant_settings, t.ip_allow_sealed as tenant_ip_allow, t.suspended_at is not null as suspended,
      u.email_verified_at is not null or not exists (
        select from users o
        where o.email_index = ${emailIndex} and o.id <> u.id and o.password_hash is not null and o.deactivated_at is null
          and (o.email_verified_at is not null or (o.created_at, o.id) < (u.created_at, u.id))
      ) as is_of_person
    from (
      select ${userColumns(tx)}, password_hash, totp_sealed from users
      where email_index = ${emailIndex} and (${tenantId}::uuid is null or tenant_id = ${tenantId})
      order by created_at, id limit ${max}
    ) u
    join tenants t on t.id = u.tenant_id
    order by u.created_at, u.id`
}
