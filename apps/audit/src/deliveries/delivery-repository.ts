import { SEVERITIES, type Severity } from '@memoric/contracts/severity.ts'
import type { Tx } from '@memoric/postgres/lease.ts'

/** An alert on its way, which one process works on until its next attempt is due. */
export interface Delivery {
  readonly id: string
  readonly tenantId: string
  readonly alertId: string
  /** Null for a mail. */
  readonly webhookId: string | null
  /** This one included. */
  readonly attempts: number
}

/** Deliveries of a tenant that may wait at a time; what comes beyond is in the list of alerts only. */
const MAX_WAITING = 1000

/** Sends an alert on its way to everybody who wants it. */
export function queueDeliveries(tx: Tx, alert: { id: string; tenant_id: string; severity: Severity }) {
  const upTo = SEVERITIES.slice(0, SEVERITIES.indexOf(alert.severity) + 1)
  return tx`
    insert into alert_deliveries (id, tenant_id, alert_id, webhook_id)
    select gen_random_uuid(), ${alert.tenant_id}, ${alert.id}, target.webhook_id
    from (
      select id as webhook_id from alert_webhooks
      where tenant_id = ${alert.tenant_id} and disabled_at is null and min_severity = any(${upTo}::text[])
      union all
      select null from alert_mail where tenant_id = ${alert.tenant_id} and min_severity = any(${upTo}::text[])
    ) as target
    where (select count(*) from alert_deliveries where tenant_id = ${alert.tenant_id}) < ${MAX_WAITING}`
}

export function selectDeliveryDue(tx: Tx) {
  return tx<{ isDue: boolean }[]>`
    select exists (select 1 from alert_deliveries where next_attempt_at <= now()) as "isDue"`
}

/**
 * The delivery that is due longest and that nobody else works on, those of `busy` tenants last: receivers of one tenant that are slow
 * do not keep those of others waiting. Whoever dies with it leaves it to others after `leaseMs`.
 */
export function claimDelivery(tx: Tx, leaseMs: number, busy: readonly string[]) {
  return tx<Delivery[]>`
    update alert_deliveries set attempts = attempts + 1, next_attempt_at = now() + ${leaseMs}::float8 * interval '1 ms'
    where id = (
      select id from alert_deliveries where next_attempt_at <= now()
      order by tenant_id = any (${[...busy]}::uuid[]), next_attempt_at, id limit 1 for update skip locked)
    returning id, tenant_id as "tenantId", alert_id as "alertId", webhook_id as "webhookId", attempts`
}

export function postponeDelivery(tx: Tx, { id, attempts }: Delivery, delayMs: number) {
  return tx`
    update alert_deliveries set next_attempt_at = now() + ${delayMs}::float8 * interval '1 ms'
    where id = ${id} and attempts = ${attempts}`
}

export function deleteDelivery(tx: Tx, id: string) {
  return tx`delete from alert_deliveries where id = ${id}`
}

export function deleteDeliveriesOf(tx: Tx, tenantId: string, webhookId: string) {
  return tx`delete from alert_deliveries where tenant_id = ${tenantId} and webhook_id = ${webhookId}`
}

export function selectDeliveriesWaiting(tx: Tx) {
  return tx<{ waiting: number }[]>`select count(*) as waiting from alert_deliveries`
}
