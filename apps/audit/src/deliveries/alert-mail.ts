import type { AlertMail } from '@memoric/contracts/alert-delivery-contract.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { SealingKey } from '@memoric/crypto/sealed-box.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { MailSender } from '@memoric/service/mail/mail.ts'
import type { ListDeps } from '../log/list-audit-logs.ts'
import { requireWholeTenant, wholeTenant } from '../log/log-readers.ts'
import {
  confirmAddress,
  confirmedOf,
  type MailAddress,
  openAddresses,
  sealAddresses,
  wantedAddresses,
} from './alert-mail-address.ts'
import {
  type AlertMailRow,
  countConfirmations,
  lockAlertMail,
  saveAddresses,
  saveAlertMail,
  selectAlertMail,
} from './alert-mail-repository.ts'
import { confirmationText } from './alert-mail-text.ts'

export interface AlertMailDeps extends Pick<ListDeps, 'sql' | 'events' | 'wakeRelay' | 'log'> {
  readonly credentials: SealingKey
  /** Null where no mails are sent. */
  readonly mail: MailSender | null
  readonly publicUrl: string
  /** Ms since the epoch. */
  readonly now: () => number
}

type Answer<Id extends keyof RouteTable> = Promise<RouteOutput<RouteTable[Id]>>

/** Mails with a code that a tenant may have sent in a day: nobody's mailbox is filled with them. */
const CONFIRMATIONS_A_DAY = 10
const RETRY_SECONDS = 3600
const SEND_MS = 10_000

export async function getAlertMail(
  deps: AlertMailDeps,
  { context }: Call<RouteTable['getAlertMail']>,
): Answer<'getAlertMail'> {
  requireWholeTenant(context.caller)
  const { tenantId } = context.caller
  const [[row]] = await tenantFlight(deps.sql, wholeTenant(tenantId), (tx) => [selectAlertMail(tx, tenantId)])
  return { status: 200, body: view(deps, row) }
}

/** The event says how many there are, not who. Throws AppError `rate_limited` for too many codes. */
export async function setAlertMail(
  deps: AlertMailDeps,
  { body, context }: Call<RouteTable['setAlertMail']>,
): Answer<'setAlertMail'> {
  requireWholeTenant(context.caller)
  const { tenantId, principal } = context.caller
  const { row, waiting } = await tenantTransaction(deps.sql, wholeTenant(tenantId), async (tx) => {
    const [before] = await lockAlertMail(tx, tenantId)
    const addresses = wantedAddresses(body.addresses, openAddresses(deps.credentials, before), deps.now())
    const [saved] = await saveAlertMail(tx, {
      tenant_id: tenantId,
      addresses_sealed: sealAddresses(deps.credentials, tenantId, addresses),
      min_severity: body.min_severity,
      updated_by: `${principal.type}:${principal.id}`,
    })
    const unconfirmed = addresses.filter(({ isConfirmed }) => !isConfirmed)
    if (deps.mail !== null && unconfirmed.length > 0) await requireRoom(tx, tenantId, unconfirmed.length)
    const details = { addresses: addresses.length, unconfirmed: unconfirmed.length, min_severity: body.min_severity }
    const event = { type: 'alert_mail.changed', context, resourceId: null, statusCode: 200, details } as const
    await outboxInsert(tx, [deps.events(event)])
    return { row: saved, waiting: unconfirmed }
  })
  deps.wakeRelay()
  await sendCodes(deps, tenantId, waiting)
  return { status: 200, body: view(deps, row) }
}

/** Throws AppError `rule_violated` for a code that was not sent, or is too old. */
export async function confirmAlertMail(
  deps: AlertMailDeps,
  { body, context }: Call<RouteTable['confirmAlertMail']>,
): Answer<'confirmAlertMail'> {
  requireWholeTenant(context.caller)
  const { tenantId } = context.caller
  const row = await tenantTransaction(deps.sql, wholeTenant(tenantId), async (tx) => {
    const [before] = await lockAlertMail(tx, tenantId)
    const addresses = confirmAddress(openAddresses(deps.credentials, before), body.code, deps.now())
    if (addresses === null) {
      const message = 'is no code that waits for confirmation'
      throw new AppError('rule_violated', { errors: [{ pointer: '/code', message }] })
    }
    const [saved] = await saveAddresses(tx, tenantId, sealAddresses(deps.credentials, tenantId, addresses))
    const details = { addresses: addresses.length, confirmed: confirmedOf(addresses).length }
    const event = { type: 'alert_mail.confirmed', context, resourceId: null, statusCode: 200, details } as const
    await outboxInsert(tx, [deps.events(event)])
    return saved
  })
  deps.wakeRelay()
  return { status: 200, body: view(deps, row) }
}

async function requireRoom(tx: Tx, tenantId: string, mails: number): Promise<void> {
  const [counted] = await countConfirmations(tx, tenantId, mails, CONFIRMATIONS_A_DAY)
  if (counted !== undefined) return
  const detail = `${CONFIRMATIONS_A_DAY} mails with a code may be sent in a day`
  throw new AppError('rate_limited', { retryAfter: RETRY_SECONDS, detail })
}

/** A mail that does not leave is sent again with the next request of the kind. */
async function sendCodes(
  { mail, publicUrl, log }: AlertMailDeps,
  tenantId: string,
  waiting: readonly MailAddress[],
): Promise<void> {
  if (mail === null) return
  const signal = AbortSignal.timeout(SEND_MS)
  const sent = waiting.map(({ address: to, code }) =>
    mail.send({ to, ...confirmationText(code ?? '', tenantId, publicUrl) }, signal),
  )
  for (const outcome of await Promise.allSettled(sent)) {
    if (outcome.status === 'rejected') log.warn({ err: outcome.reason, tenant: tenantId }, 'a code was not sent')
  }
}

function view({ credentials, mail }: AlertMailDeps, row: AlertMailRow | undefined): AlertMail {
  const addresses = openAddresses(credentials, row)
  return {
    addresses: addresses.map(({ address }) => address),
    unconfirmed: addresses.filter(({ isConfirmed }) => !isConfirmed).map(({ address }) => address),
    min_severity: row?.min_severity ?? 'warning',
    updated_by: row?.updated_by ?? null,
    updated_at: row?.updated_at.toISOString() ?? null,
    is_on: mail !== null,
  }
}
