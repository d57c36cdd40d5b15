import type { Severity } from '@memoric/contracts/severity.ts'
import type { Tx } from '@memoric/postgres/lease.ts'

export interface WebhookRow {
  readonly id: string
  readonly tenant_id: string
  readonly url_sealed: Buffer
  readonly secret_sealed: Buffer
  readonly previous_secret_sealed: Buffer | null
  readonly previous_until: Date | null
  readonly min_severity: Severity
  readonly created_by: string
  readonly created_at: Date
  readonly disabled_at: Date | null
  readonly last_attempt_at: Date | null
  readonly last_status: number | null
  readonly last_failure: string | null
}

const columns = (tx: Tx) => tx`
  id, tenant_id, url_sealed, secret_sealed, previous_secret_sealed, previous_until, min_severity, created_by, created_at,
  disabled_at, last_attempt_at, last_status, last_failure`

/** None when the tenant has `max` already. */
export async function insertWebhook(
  tx: Tx,
  row: Pick<WebhookRow, 'id' | 'tenant_id' | 'url_sealed' | 'secret_sealed' | 'min_severity' | 'created_by'>,
  max: number,
) {
  // Of several at once each sees those of the others.
  await tx`select pg_advisory_xact_lock(hashtextextended(${`alert_webhooks ${row.tenant_id}`}, 0))`
  return tx<WebhookRow[]>`
    insert into alert_webhooks (id, tenant_id, url_sealed, secret_sealed, min_severity, created_by)
    select ${row.id}, ${row.tenant_id}, ${row.url_sealed}, ${row.secret_sealed}, ${row.min_severity}, ${row.created_by}
    where (select count(*) from alert_webhooks where tenant_id = ${row.tenant_id}) < ${max}
    returning ${columns(tx)}`
}

export function selectWebhooks(tx: Tx, tenantId: string) {
  return tx<WebhookRow[]>`
    select ${columns(tx)} from alert_webhooks where tenant_id = ${tenantId} order by created_at, id`
}

export function selectWebhook(tx: Tx, tenantId: string, id: string) {
  return tx<WebhookRow[]>`select ${columns(tx)} from alert_webhooks where tenant_id = ${tenantId} and id = ${id}`
}

export function deleteWebhook(tx: Tx, tenantId: string, id: string) {
  return tx<{ id: string }[]>`delete from alert_webhooks where tenant_id = ${tenantId} and id = ${id} returning id`
}

/** The secret of now becomes the previous one, for a while. */
export function rotateSecret(tx: Tx, tenantId: string, id: string, sealed: Buffer, overlapSeconds: number) {
  return tx<WebhookRow[]>`
    update alert_webhooks set previous_secret_sealed = secret_sealed, secret_sealed = ${sealed},
      previous_until = now() + ${overlapSeconds} * interval '1 second'
    where tenant_id = ${tenantId} and id = ${id}
    returning ${columns(tx)}`
}

export interface AttemptOutcome {
  readonly status: number | null
  readonly failure: string | null
  readonly isGone: boolean
}

export function noteAttempt(tx: Tx, tenantId: string, id: string, { status, failure, isGone }: AttemptOutcome) {
  return tx`
    update alert_webhooks set last_attempt_at = now(), last_status = ${status}, last_failure = ${failure}
      ${isGone ? tx`, disabled_at = coalesce(disabled_at, now())` : tx``}
    where tenant_id = ${tenantId} and id = ${id}`
}
