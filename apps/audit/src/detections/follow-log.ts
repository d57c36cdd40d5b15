import type { Sql } from '@memoric/postgres/client.ts'
import { isUnavailable } from '@memoric/postgres/database-error.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { systemFlight, systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { raiseAlerts, type RaisingDeps } from '../alerts/raise-alerts.ts'
import type { Pseudonym } from '../keys/audit-keys.ts'
import { selectSettings } from './detection-setting-repository.ts'
import { deleteExpiredStates, readStates, saveStates } from './detection-state-repository.ts'
import { linesBehind, lockNextIndex, readLines, readSize, saveNextIndex } from './follower-repository.ts'
import { type Detections, findSightings, judge, type OnFault } from './notice.ts'
import { type SeeingDeps, toSeenEvent } from './seen-event.ts'
import { settingsFrom } from './setting-of.ts'

export interface FollowOptions extends SeeingDeps, RaisingDeps {
  readonly sql: Sql
  readonly log: Logger
  readonly detections: Detections
  /** Called after the commit of alerts. */
  readonly onRaised: () => void
  readonly batch?: number
  readonly pollMs?: number
}

/** Looks at every line of the log, once. */
export interface LogFollower {
  /** Call when lines were appended. */
  wake(): void
  /** Lines that were not looked at, by the log. */
  behind(): Promise<number>
  /** How often a detection could not look at an event, since this process started. */
  faults(): number
  close(): Promise<void>
}

const CLEAN_EVERY_MS = 600_000
const LAST_RETRY_MS = 10_000
/** How often one line is tried by itself. */
const TRIES_OF_ONE = 3
/** Lines that come together are looked at together. */
const WAKE_MS = 20

/**
 * Follows the committed log until closed: lines are looked at in their order, and what comes of it is committed together with
 * how far the log was followed. Any number of processes may; one does at a time. Never throws, and what goes wrong here does not reach the intake.
 */
export function followLog(options: FollowOptions): LogFollower {
  const { sql, log, batch = 500, pollMs = 1000 } = options
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  const state = { woken: false, failures: 0 }
  let closed = false
  let faults = 0
  let limit = batch
  let cleanedAt = performance.now()

  const onFault: OnFault = (error, detection, eventId) => {
    faults += 1
    log.error({ err: error, detection, event_id: eventId }, 'a detection could not look at an event')
  }

  function schedule(delayMs: number): void {
    if (closed) return
    clearTimeout(timer)
    timer = setTimeout(run, delayMs)
  }

  function run(): void {
    running = work().finally(() => {
      running = undefined
      schedule(state.failures > 0 ? retryDelay(state.failures) : state.woken ? WAKE_MS : pollMs)
    })
  }

  async function work(): Promise<void> {
    try {
      await clean()
      if (!state.woken && (await linesBehind(sql)) === 0) return
      state.woken = false
      while (!isClosed() && (await followOnce())) continue
      state.failures = 0
    } catch (error) {
      state.failures += 1
      log.warn({ err: error, failures: state.failures }, 'the log could not be followed')
      if (!isUnavailable(error)) await avoid(error)
    }
  }

  function isClosed(): boolean {
    return closed
  }

  /** Whether there is more to look at. */
  async function followOnce(): Promise<boolean> {
    const { more, raised } = await systemTransaction(sql, (tx) => followBatch(tx, options, limit, onFault))
    limit = Math.min(batch, limit * 2)
    if (raised > 0) options.onRaised()
    return more
  }

  /** A batch that cannot be looked at is halved until the line that is at fault stands alone; that one is passed over. */
  async function avoid(error: unknown): Promise<void> {
    if (limit > 1) {
      limit = limit >> 1
      state.failures = 0
      state.woken = true
    }
    if (state.failures < TRIES_OF_ONE) return
    const skipped = await systemTransaction(sql, async (tx) => {
      const next = await lockNextIndex(tx)
      if (next !== undefined) await saveNextIndex(tx, next + 1)
      return next
    }).catch(() => undefined)
    state.failures = 0
    state.woken = true
    if (skipped !== undefined) log.error({ err: error, log_index: skipped }, 'no detection can look at this line')
  }

  async function clean(): Promise<void> {
    if (performance.now() - cleanedAt < CLEAN_EVERY_MS) return
    cleanedAt = performance.now()
    await systemFlight(sql, (tx) => [deleteExpiredStates(tx)])
  }

  schedule(0)
  return {
    wake() {
      state.woken = true
      if (running === undefined && state.failures === 0) schedule(WAKE_MS)
    },
    behind: () => linesBehind(sql),
    faults: () => faults,
    async close() {
      closed = true
      clearTimeout(timer)
      await running
    },
  }
}

async function followBatch(tx: Tx, options: FollowOptions, limit: number, onFault: OnFault) {
  const next = await lockNextIndex(tx)
  if (next === undefined) return { more: false, raised: 0 }
  const size = await readSize(tx)
  if (size <= next) return { more: false, raised: 0 }
  const rows = await readLines(tx, next, size, limit)
  const raised = await look(tx, options, rows, onFault)
  // Lines that retention has dropped leave gaps.
  const last = rows.length < limit ? size : (rows.at(-1)?.log_index ?? size - 1) + 1
  await saveNextIndex(tx, last)
  return { more: last < size, raised }
}

async function look(tx: Tx, options: FollowOptions, rows: Awaited<ReturnType<typeof readLines>>, onFault: OnFault) {
  const { detections } = options
  const tenants = [...new Set(rows.map((row) => row.tenant_id))]
  if (tenants.length === 0) return 0
  const settingOf = settingsFrom(detections, await selectSettings(tx, tenants))
  const seeing = { ...options, pseudonym: eachOnce(options.pseudonym) }
  const events = rows.map((row) => toSeenEvent(seeing, row))
  const sightings = findSightings(detections, events, settingOf, onFault)
  if (sightings.length === 0) return 0
  const oldest = Math.min(...events.map(({ at }) => at))
  const states = await readStates(tx, sightings, new Date(oldest))
  const { findings, changed } = judge(detections, sightings, states, settingOf, onFault)
  if (changed.length > 0) await saveStates(tx, changed)
  return raiseAlerts(tx, options, findings, settingOf)
}

/** The same pseudonyms, each made once: events of a batch come from few networks. */
function eachOnce(pseudonym: Pseudonym): Pseudonym {
  const made = new Map<string, string>()
  return (field, tenantId, value) => {
    const name = `${field} ${tenantId} ${value}`
    const known = made.get(name) ?? pseudonym(field, tenantId, value)
    made.set(name, known)
    return known
  }
}

function retryDelay(failures: number): number {
  const ceiling = Math.min(LAST_RETRY_MS, 100 * 2 ** Math.min(failures, 10))
  return ceiling / 2 + Math.random() * (ceiling / 2)
}
