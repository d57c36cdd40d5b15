import type { Tx } from '@memoric/postgres/lease.ts'

/** An account that mails may go to: its user is active and its tenant not suspended. */
export interface MailAccount {
  readonly tenant_id: string
  readonly id: string
  readonly email_sealed: Uint8Array
  readonly email_verified_at: Date | null
  readonly tenant_name_sealed: Uint8Array
}

/** Tenants that one mail names at most. */
const MAX_ACCOUNTS = 50

function columns(tx: Tx) {
  return tx`u.tenant_id, u.id, u.email_sealed, u.email_verified_at, t.name_sealed as tenant_name_sealed`
}

/** The accounts of an e-mail in every tenant, oldest first. */
export function selectMailAccounts(tx: Tx, emailIndex: Uint8Array) {
  return tx<MailAccount[]>`
    select ${columns(tx)} from users u join tenants t on t.id = u.tenant_id
    where u.email_index = ${emailIndex} and u.deactivated_at is null and t.suspended_at is null
    order by u.created_at, u.id limit ${MAX_ACCOUNTS}`
}

export function selectMailAccount(tx: Tx, tenantId: string, userId: string) {
  return tx<MailAccount[]>`
    select ${columns(tx)} from users u join tenants t on t.id = u.tenant_id
    where u.tenant_id = ${tenantId} and u.id = ${userId} and u.deactivated_at is null and t.suspended_at is null`
}
