import type { Severity } from '@memoric/contracts/severity.ts'
import type { Tx } from '@memoric/postgres/lease.ts'

export interface AlertMailRow {
  readonly tenant_id: string
  readonly addresses_sealed: Buffer
  readonly min_severity: Severity
  readonly updated_by: string
  readonly updated_at: Date
}

export function selectAlertMail(tx: Tx, tenantId: string) {
  return tx<AlertMailRow[]>`
    select tenant_id, addresses_sealed, min_severity, updated_by, updated_at from alert_mail where tenant_id = ${tenantId}`
}

/** The same, and nobody changes it until the transaction ends. */
export function lockAlertMail(tx: Tx, tenantId: string) {
  return tx<AlertMailRow[]>`
    select tenant_id, addresses_sealed, min_severity, updated_by, updated_at from alert_mail
    where tenant_id = ${tenantId} for update`
}

export function saveAddresses(tx: Tx, tenantId: string, sealed: Buffer) {
  return tx<AlertMailRow[]>`
    update alert_mail set addresses_sealed = ${sealed} where tenant_id = ${tenantId}
    returning tenant_id, addresses_sealed, min_severity, updated_by, updated_at`
}

export function saveAlertMail(tx: Tx, row: Omit<AlertMailRow, 'updated_at'>) {
  return tx<AlertMailRow[]>`
    insert into alert_mail (tenant_id, addresses_sealed, min_severity, updated_by)
    values (${row.tenant_id}, ${row.addresses_sealed}, ${row.min_severity}, ${row.updated_by})
    on conflict (tenant_id) do update set addresses_sealed = excluded.addresses_sealed,
      min_severity = excluded.min_severity, updated_by = excluded.updated_by, updated_at = now()
    returning tenant_id, addresses_sealed, min_severity, updated_by, updated_at`
}

/** Counts mails with codes of this day; none when there would be more than `max`. */
export function countConfirmations(tx: Tx, tenantId: string, mails: number, max: number) {
  return tx<{ confirmations: number }[]>`
    update alert_mail set
      confirmations = ${mails} + case when confirmations_since > now() - interval '1 day' then confirmations else 0 end,
      confirmations_since =
        case when confirmations_since > now() - interval '1 day' and confirmations > 0 then confirmations_since else now() end
    where tenant_id = ${tenantId}
      and (confirmations + ${mails} <= ${max} or confirmations_since <= now() - interval '1 day')
    returning confirmations`
}

/** Counts a mail of this hour; none when there were `max` already. */
export function countMail(tx: Tx, tenantId: string, max: number) {
  return tx<{ mails: number }[]>`
    update alert_mail set
      mails = case when mails_since > now() - interval '1 hour' then mails + 1 else 1 end,
      mails_since = case when mails_since > now() - interval '1 hour' then mails_since else now() end
    where tenant_id = ${tenantId} and (mails < ${max} or mails_since <= now() - interval '1 hour')
    returning mails`
}
