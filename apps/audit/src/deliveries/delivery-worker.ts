import type { Alert } from '@memoric/contracts/alert-contract.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { MailRefused, type MailSender } from '@memoric/service/mail/mail.ts'
import { selectAlert } from '../alerts/alert-repository.ts'
import { alertView } from '../alerts/alert-view.ts'
import { alertMailText } from './alert-mail-text.ts'
import { confirmedOf, openAddresses } from './alert-mail-address.ts'
import { countMail, selectAlertMail } from './alert-mail-repository.ts'
import {
  claimDelivery,
  deleteDeliveriesOf,
  deleteDelivery,
  type Delivery,
  postponeDelivery,
  selectDeliveriesWaiting,
  selectDeliveryDue,
} from './delivery-repository.ts'
import { type PostingDeps, postWebhook } from './post-webhook.ts'
import { noteAttempt, selectWebhook } from './webhook-repository.ts'

export interface DeliveryOptions extends PostingDeps {
  readonly sql: Sql
  readonly log: Logger
  /** Null where no mails are sent. */
  readonly mail: MailSender | null
  readonly publicUrl: string
  readonly pollMs?: number
  /** Waits after each attempt that failed, ms; after the last one the delivery is given up. */
  readonly retries?: readonly number[]
}

export interface DeliveryWorker {
  /** Call after the commit of alerts. */
  wake(): void
  /** Deliveries on their way. */
  waiting(): Promise<number>
  /** Deliveries given up by this process. */
  givenUp(): number
  close(): Promise<void>
}

/** Deliveries under way at a time. */
const LANES = 4
const LEASE_MS = 60_000
/** Mails of a tenant in an hour. */
const MAILS_PER_HOUR = 20
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
/** For about three days (Standard Webhooks 1.0 recommends so). */
const RETRIES = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]
const CLOSE_MS = 5000
const GONE = 410

type Outcome = 'done' | 'retry' | 'never'

/** Sends alerts on until closed. Any number may run on one database. An alert is delivered at least once, or given up. Never throws. */
export function startDeliveries(options: DeliveryOptions): DeliveryWorker {
  const { sql, log, pollMs = 5000, retries = RETRIES } = options
  const stopping = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let woken = false
  let closed = false
  let givenUp = 0
  /** How many deliveries are under way, by tenant. */
  const busy = new Map<string, number>()

  function schedule(delayMs: number): void {
    if (closed) return
    clearTimeout(timer)
    timer = setTimeout(run, delayMs)
  }

  function run(): void {
    woken = false
    running = work().finally(() => {
      running = undefined
      schedule(woken ? 0 : pollMs)
    })
  }

  async function work(): Promise<void> {
    try {
      const [[row]] = await systemFlight(sql, (tx) => [selectDeliveryDue(tx)])
      if (row?.isDue === true) await Promise.all(Array.from({ length: LANES }, deliverAll))
    } catch (error) {
      log.warn({ err: error }, 'alerts could not be delivered')
    }
  }

  async function deliverAll(): Promise<void> {
    while (!isClosed()) {
      const [[delivery]] = await systemFlight(sql, (tx) => [claimDelivery(tx, LEASE_MS, [...busy.keys()])])
      if (delivery === undefined) return
      count(delivery, 1)
      await settle(delivery, await attempt(delivery).finally(() => count(delivery, -1)))
    }
  }

  function count({ tenantId }: Delivery, by: 1 | -1): void {
    const underWay = (busy.get(tenantId) ?? 0) + by
    if (underWay === 0) busy.delete(tenantId)
    else busy.set(tenantId, underWay)
  }

  function isClosed(): boolean {
    return closed
  }

  async function attempt(delivery: Delivery): Promise<Outcome> {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(LEASE_MS / 2)])
    try {
      return await deliver(options, delivery, signal)
    } catch (error) {
      log.warn({ err: error, delivery: delivery.id, attempts: delivery.attempts }, 'an alert was not delivered')
      return error instanceof MailRefused ? 'never' : 'retry'
    }
  }

  async function settle(delivery: Delivery, outcome: Outcome): Promise<void> {
    const delayMs = retries[delivery.attempts - 1]
    if (outcome === 'retry' && delayMs !== undefined) {
      const jitteredMs = delayMs * (0.75 + Math.random() / 2)
      await systemFlight(sql, (tx) => [postponeDelivery(tx, delivery, jitteredMs)])
      if (jitteredMs < pollMs) setTimeout(wake, jitteredMs).unref()
      return
    }
    await systemFlight(sql, (tx) => [deleteDelivery(tx, delivery.id)])
    if (outcome === 'done') return
    givenUp += 1
    const { alertId: alert, tenantId: tenant, webhookId: webhook, attempts } = delivery
    log.error({ alert, tenant, webhook, attempts }, 'an alert could not be delivered and was given up')
  }

  function wake(): void {
    woken = true
    if (running === undefined) schedule(0)
  }

  schedule(0)
  return {
    wake,
    async waiting() {
      const [[row]] = await systemFlight(sql, (tx) => [selectDeliveriesWaiting(tx)])
      return row?.waiting ?? 0
    },
    givenUp: () => givenUp,
    async close() {
      closed = true
      clearTimeout(timer)
      const patience = setTimeout(() => stopping.abort(), CLOSE_MS)
      await running
      clearTimeout(patience)
    },
  }
}

async function deliver(options: DeliveryOptions, delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
  const { tenantId, alertId, webhookId } = delivery
  const [[row]] = await systemFlight(options.sql, (tx) => [selectAlert(tx, tenantId, alertId)])
  if (row === undefined) return 'done'
  const alert = alertView(row)
  if (webhookId === null) return mail(options, tenantId, alert, signal)
  return post(options, { ...delivery, webhookId }, alert, signal)
}

async function post(
  options: DeliveryOptions,
  { id, tenantId, webhookId }: Delivery & { readonly webhookId: string },
  alert: Alert,
  signal: AbortSignal,
): Promise<Outcome> {
  const { sql } = options
  const [[webhook]] = await systemFlight(sql, (tx) => [selectWebhook(tx, tenantId, webhookId)])
  if (webhook === undefined || webhook.disabled_at !== null) return 'done'
  const content = { type: 'alert.raised', timestamp: alert.raised_at, data: { tenant_id: tenantId, ...alert } }
  const { isDelivered, status, failure } = await postWebhook(options, webhook, { id: `msg_${id}`, content }, signal)
  const isGone = status === GONE
  await systemFlight<PromiseLike<unknown>[]>(sql, (tx) => [
    noteAttempt(tx, tenantId, webhookId, { status, failure, isGone }),
    ...(isGone ? [deleteDeliveriesOf(tx, tenantId, webhookId)] : []),
  ])
  if (isDelivered) return 'done'
  return isGone ? 'never' : 'retry'
}

async function mail(
  { sql, mail: sender, credentials, publicUrl, log }: DeliveryOptions,
  tenantId: string,
  alert: Alert,
  signal: AbortSignal,
): Promise<Outcome> {
  const [[row]] = await systemFlight(sql, (tx) => [selectAlertMail(tx, tenantId)])
  const addresses = confirmedOf(openAddresses(credentials, row))
  if (sender === null || addresses.length === 0) return 'done'
  const [[counted]] = await systemFlight(sql, (tx) => [countMail(tx, tenantId, MAILS_PER_HOUR)])
  if (counted === undefined) {
    log.warn({ tenant: tenantId, alert: alert.id }, 'too many mails about alerts this hour: this one is not sent')
    return 'done'
  }
  const text = alertMailText(alert, tenantId, publicUrl)
  for (const to of addresses) await sender.send({ to, ...text }, signal)
  return 'done'
}
