import type { Sql } from '@memoric/postgres/client.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { systemFlight, systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { Logger } from '@memoric/service/logger.ts'
import {
  type ClaimedMail,
  claimMail,
  deleteMail,
  deleteOldMailCounts,
  lockMail,
  postponeMail,
  replaceMailRequest,
  selectMailDue,
} from './mail-queue-repository.ts'
import { type Mail, MailRefused, type MailSender } from '@memoric/service/mail/mail.ts'

/** What a request has become: no mails when there is nobody to write to. */
export interface PreparedMails {
  readonly mails: readonly Mail[]
  /** The sealed request from now on, where making the mail has changed something that must not happen twice. */
  readonly replacement?: Uint8Array
}

export interface MailWorkerOptions {
  readonly sql: Sql
  readonly log: Logger
  readonly sender: MailSender
  /** Makes the mails of a sealed request. Those that were not sent are made again, with other tokens. */
  readonly prepare: (tx: Tx, id: string, requestSealed: Uint8Array) => Promise<PreparedMails>
  /** Called after the commit of what `prepare` did. */
  readonly onPrepared?: () => void
  readonly pollMs?: number
  /** How long a mail may take before another process may try, ms. */
  readonly leaseMs?: number
  readonly firstRetryMs?: number
}

export interface MailWorker {
  /** Call after the commit of a request. */
  wake(): void
  /** Number of mails that could not be sent, however often it was tried. */
  givenUp(): number
  /** Finishes what is being sent, if that does not take long. */
  close(): Promise<void>
}

/** Mails sent at the same time. */
const LANES = 4
/** Tried for about four hours. */
const MAX_ATTEMPTS = 10
const LAST_RETRY_MS = 3_600_000
const CLEAN_EVERY_MS = 600_000
const CLOSE_MS = 5000

/** Sends what is in the queue until closed. Any number may run on one database. A mail is sent at least once. Never throws. */
export function createMailWorker(options: MailWorkerOptions): MailWorker {
  const { sql, log, pollMs = 5000 } = options
  const stopping = new AbortController()
  const attempt = createAttempt(options, stopping.signal)
  let closed = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let woken = false
  let cleanedAt = performance.now()

  function schedule(delayMs: number): void {
    if (closed) return
    clearTimeout(timer)
    timer = setTimeout(run, delayMs).unref()
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
      await clean()
      const [[row]] = await systemFlight(sql, (tx) => [selectMailDue(tx)])
      if (row?.is_due !== true) return
      const outcomes = await Promise.allSettled(Array.from({ length: LANES }, sendAll))
      const failed = outcomes.find((outcome) => outcome.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    } catch (error) {
      log.warn({ err: error }, 'mails could not be taken from the queue')
    }
  }

  async function sendAll(): Promise<void> {
    while (!closed && (await attempt.next())) continue
  }

  async function clean(): Promise<void> {
    if (performance.now() - cleanedAt < CLEAN_EVERY_MS) return
    cleanedAt = performance.now()
    await systemFlight(sql, (tx) => [deleteOldMailCounts(tx)])
  }

  function wake(): void {
    woken = true
    if (running === undefined) schedule(0)
  }

  async function close(): Promise<void> {
    closed = true
    clearTimeout(timer)
    const patience = setTimeout(() => stopping.abort(), CLOSE_MS)
    await running
    clearTimeout(patience)
  }

  schedule(0)
  return { wake, givenUp: attempt.givenUp, close }
}

/** One attempt to send one mail: claim it, make it, send it, delete it; each in a transaction of its own, none while it is sent. */
function createAttempt(options: MailWorkerOptions, stopping: AbortSignal) {
  const { sql, log, sender, prepare, onPrepared, leaseMs = 60_000, firstRetryMs = 30_000 } = options
  let givenUp = 0

  /** False when no mail is due. */
  async function next(): Promise<boolean> {
    // Ends before the lease, so that no other process sends meanwhile.
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(leaseMs * 0.75)])
    const [[claimed]] = await systemFlight(sql, (tx) => [claimMail(tx, leaseMs)])
    if (claimed === undefined) return false
    try {
      await send(claimed, signal)
    } catch (error) {
      await failed(claimed, error)
    }
    return true
  }

  async function send(claimed: ClaimedMail, signal: AbortSignal): Promise<void> {
    const mails = await systemTransaction(sql, (tx) => make(tx, claimed))
    onPrepared?.()
    if (mails.length === 0) return
    for (const mail of mails) await sender.send(mail, signal)
    await systemFlight(sql, (tx) => [deleteMail(tx, claimed.id)])
  }

  async function make(tx: Tx, claimed: ClaimedMail): Promise<readonly Mail[]> {
    const [row] = await lockMail(tx, claimed)
    if (row === undefined) return []
    const { mails, replacement } = await prepare(tx, claimed.id, row.request_sealed)
    if (mails.length === 0) await deleteMail(tx, claimed.id)
    else if (replacement !== undefined) await replaceMailRequest(tx, claimed.id, replacement)
    return mails
  }

  async function failed(claimed: ClaimedMail, error: unknown): Promise<void> {
    const { id, attempts } = claimed
    if (attempts >= MAX_ATTEMPTS || error instanceof MailRefused) {
      givenUp += 1
      log.error({ err: error, mail: id, attempts }, 'a mail was given up')
      await systemFlight(sql, (tx) => [deleteMail(tx, id)])
      return
    }
    const delayMs = Math.min(LAST_RETRY_MS, firstRetryMs * 2 ** (attempts - 1))
    log.warn({ err: error, mail: id, attempts, delayMs }, 'a mail was not sent; it will be tried again')
    await systemFlight(sql, (tx) => [postponeMail(tx, claimed, delayMs)])
  }

  return { next, givenUp: () => givenUp }
}
