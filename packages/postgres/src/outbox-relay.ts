import type { Sql } from './client.ts'
import { createConfirmations } from './outbox-confirmations.ts'
import {
  type ClaimedRow,
  claimUnpublished,
  hasUnpublished,
  markAttempted,
  outboxStats,
  type OutboxStats,
  RELEASED_MAX,
  releaseUnconfirmed,
} from './outbox-queue.ts'
import { systemTransaction } from './tenant-transaction.ts'

/** What the relay tells; pino fits. */
export interface RelayLog {
  warn: (details: object, message: string) => void
}

export interface OutboxRelayOptions {
  readonly sql: Sql
  /** Publishes rows under their id; tells for each, in order, whether it was stored. */
  readonly publish: (rows: readonly ClaimedRow[]) => Promise<readonly boolean[]>
  readonly log: RelayLog
  /** Rows published together. */
  readonly batch?: number
  readonly pollMs?: number
  /** A row published this long ago and never confirmed is published again. */
  readonly republishAfterMs?: number
}

export interface OutboxRelay {
  /** Call after the commit of a change: its events go out a few milliseconds later, with those of others. */
  wake: () => void
  /** The audit log has these events (UUIDs): they leave the outbox. */
  confirm: (eventIds: readonly string[]) => void
  /** Publishes at once what is published and not confirmed: where that was published may have been lost. */
  republish: () => void
  stats: () => Promise<OutboxStats>
  /** Finishes the batch that is under way. */
  close: () => Promise<void>
}

const GATHER_MS = 20
const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000
const REPUBLISH_CHECKS = 10

/** Publishes the outbox until closed. Any number may run on one database: a row is with one of them at a time. Never throws. */
export function createOutboxRelay(options: OutboxRelayOptions): OutboxRelay {
  const { sql, publish, log, batch = 500, pollMs = 250, republishAfterMs = 5 * 60_000 } = options
  const confirmations = createConfirmations(sql, log)
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let woken = false
  let failures = 0
  let closed = false
  let republishCheckedAt = 0
  let republishNow = false

  function schedule(delayMs: number): void {
    if (closed) return
    clearTimeout(timer)
    timer = setTimeout(run, delayMs)
  }

  function run(): void {
    running = work().finally(() => {
      running = undefined
      schedule(failures > 0 ? retryDelay(failures) : woken ? GATHER_MS : pollMs)
    })
  }

  async function work(): Promise<void> {
    try {
      await releaseOld()
      if (woken || (await hasUnpublished(sql))) await publishAll()
      failures = 0
    } catch (error) {
      failures += 1
      log.warn({ err: error, failures }, 'the outbox could not be published')
    }
  }

  async function publishAll(): Promise<void> {
    let claimed: number
    do {
      woken = false
      claimed = await publishBatch()
    } while (claimed === batch && !closed)
  }

  /** Resolves to the number of rows claimed. Throws, after the commit, when some of them were not accepted. */
  async function publishBatch(): Promise<number> {
    const { claimed, accepted } = await systemTransaction(sql, async (tx) => {
      const rows = await claimUnpublished(tx, batch)
      if (rows.length === 0) return { claimed: 0, accepted: 0 }
      const outcomes = await publish(rows)
      const stored = rows.filter((_, index) => outcomes[index] === true)
      await markAttempted(tx, rows, stored)
      return { claimed: rows.length, accepted: stored.length }
    })
    if (accepted < claimed) throw new Error(`${claimed - accepted} of ${claimed} events were not accepted`)
    return claimed
  }

  async function releaseOld(): Promise<void> {
    if (republishNow) return releaseAll()
    const now = performance.now()
    if (now - republishCheckedAt < republishAfterMs / REPUBLISH_CHECKS) return
    republishCheckedAt = now
    tellReleased(await releaseUnconfirmed(sql, republishAfterMs))
  }

  async function releaseAll(): Promise<void> {
    republishNow = false
    try {
      let released: number
      do tellReleased((released = await releaseUnconfirmed(sql, 0)))
      while (released === RELEASED_MAX)
    } catch (error) {
      republish()
      throw error
    }
  }

  function tellReleased(released: number): void {
    if (released > 0) log.warn({ released }, 'events were never confirmed: publishing them again')
  }

  function wake(): void {
    if (woken) return
    woken = true
    if (running === undefined && failures === 0) schedule(GATHER_MS)
  }

  function republish(): void {
    republishNow = true
    wake()
  }

  async function close(): Promise<void> {
    closed = true
    clearTimeout(timer)
    await running
    await confirmations.close()
  }

  schedule(0)
  return { wake, confirm: confirmations.add, republish, stats: () => outboxStats(sql), close }
}

function retryDelay(failures: number): number {
  const ceiling = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10))
  return ceiling / 2 + Math.random() * (ceiling / 2)
}
