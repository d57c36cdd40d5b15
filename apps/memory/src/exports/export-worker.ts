import { randomUUID } from 'node:crypto'
import { CryptoError } from '@memoric/crypto/errors.ts'
import { createClient } from '@memoric/postgres/client.ts'
import { isUnavailable } from '@memoric/postgres/database-error.ts'
import { systemFlight, tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import type { ExportDeps } from './export-deps.ts'
import { type Claimed, claimExport, releaseExport, selectOpenExports } from './export-repository.ts'
import { CLAIM_SECONDS, ExportInterrupted } from './export-writer.ts'
import { finish, makeExport } from './make-export.ts'
import { removeExports } from './remove-exports.ts'

export interface ExportWorker {
  /** Looks for work at once. */
  wake(): void
  close(): Promise<void>
}

export interface ExportWorkerOptions extends Omit<ExportDeps, 'snapshots'> {
  readonly databaseUrl: string
  /** Exports made at a time. */
  readonly atOnce?: number
  /** Ms between two looks for exports that other processes began, or left behind, or whose time is over. */
  readonly everyMs?: number
}

const EXPORTS = 20
const AT_ONCE = 2
/** How often an export is begun without getting any further before it counts as failed. */
const ATTEMPTS = 5
const PAUSE_SECONDS = 5

/** Longest time that reading one subject may take, ms. */
const SNAPSHOT_MS = 3_600_000
const STATEMENT_MS = 600_000

/**
 * Makes exports, a few at a time and by turns of their tenants, and removes them when their time is over; any process may go on where
 * another one stopped.
 */
export function createExportWorker(options: ExportWorkerOptions): ExportWorker {
  const { everyMs = 10_000, atOnce = AT_ONCE, databaseUrl, ...given } = options
  const snapshots = createClient({
    url: databaseUrl,
    max: atOnce,
    applicationName: 'memoric-exports',
    statementTimeoutMs: STATEMENT_MS,
    idleTransactionTimeoutMs: STATEMENT_MS,
    transactionTimeoutMs: SNAPSHOT_MS,
  })
  const deps: ExportDeps = { ...given, snapshots }
  const stopping = new AbortController()
  const lanes = Array.from({ length: atOnce }, () => openLane(deps, everyMs, stopping.signal))
  const wake = (): void => lanes.forEach((lane) => lane.wake())
  return {
    wake,
    async close() {
      stopping.abort()
      wake()
      await Promise.all(lanes.map(({ ended }) => ended))
      await snapshots.end()
    },
  }
}

interface Lane {
  wake(): void
  /** Resolves once `signal` is aborted and what was under way has stopped. */
  readonly ended: Promise<void>
}

/** Works on one export after another; looks by itself every `everyMs`. */
function openLane(deps: ExportDeps, everyMs: number, signal: AbortSignal): Lane {
  let wake = (): void => undefined
  const pause = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, everyMs).unref()
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const woken = pause()
      await work(deps, signal).catch((error: unknown) => deps.log.warn({ err: error }, 'exports go on later'))
      await woken
    }
  }
  return { wake: () => wake(), ended: run() }
}

/** Whose turn it is is asked before each export. */
async function work(deps: ExportDeps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const job = await claimNext(deps)
    if (job === undefined) break
    await goOn(deps, job, signal)
  }
  await removeExports(deps, signal)
}

async function claimNext({ sql }: ExportDeps): Promise<Claimed | undefined> {
  const [open] = await systemFlight(sql, (tx) => [selectOpenExports(tx, EXPORTS)])
  for (const row of open) {
    const claim = randomUUID()
    const [[claimed]] = await tenantFlight(sql, wholeTenant(row.tenant_id), (tx) => [
      claimExport(tx, row, claim, CLAIM_SECONDS),
    ])
    if (claimed !== undefined) return { ...claimed, claim }
  }
  return undefined
}

/** Makes one export as far as it goes, and never throws for what is wrong with it. */
async function goOn(deps: ExportDeps, job: Claimed, signal: AbortSignal): Promise<void> {
  const release = (seconds: number, forgiven: number) =>
    tenantFlight(deps.sql, wholeTenant(job.tenant_id), (tx) => [releaseExport(tx, job, seconds, forgiven)])
  try {
    await makeExport(deps, job, signal)
  } catch (error) {
    if (error instanceof ExportInterrupted && error.why === 'claim_lost') return
    if (signal.aborted) await release(0, 1)
    else if (isPassing(error)) await release(PAUSE_SECONDS, 1)
    else if (job.attempts < ATTEMPTS) await release(PAUSE_SECONDS * job.attempts, 0)
    else await finish(deps, job, 'failed', reasonOf(error))
    if (!signal.aborted) deps.log.warn({ err: error, export_id: job.id }, 'an export could not be made yet')
  }
}

/** Whether waiting may help: the database or the provider of the key encryption key is away, keys are being rotated. */
function isPassing(error: unknown): boolean {
  if (error instanceof ExportInterrupted) return true
  return isUnavailable(error) || (error instanceof CryptoError && error.code === 'kek_unavailable')
}

function reasonOf(error: unknown): string {
  return error instanceof CryptoError ? error.code : 'internal_error'
}
