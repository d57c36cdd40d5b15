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
  /** Ms between two looks for exports that other processes began, or left behind, or whose time is over. */
  readonly everyMs?: number
}

const EXPORTS = 20
/** How often an export is begun without getting any further before it counts as failed. */
const ATTEMPTS = 5
const PAUSE_SECONDS = 5

/** Longest time that reading one subject may take, ms. */
const SNAPSHOT_MS = 3_600_000
const STATEMENT_MS = 600_000

/** Makes exports, one at a time, and removes them when their time is over; any process may go on where another one stopped. */
export function createExportWorker({ everyMs = 10_000, databaseUrl, ...given }: ExportWorkerOptions): ExportWorker {
  const snapshots = createClient({
    url: databaseUrl,
    max: 1,
    applicationName: 'memoric-exports',
    statementTimeoutMs: STATEMENT_MS,
    idleTransactionTimeoutMs: STATEMENT_MS,
    transactionTimeoutMs: SNAPSHOT_MS,
  })
  const deps: ExportDeps = { ...given, snapshots }
  const stopping = new AbortController()
  let wake = (): void => undefined
  const pause = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, everyMs).unref()
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      const woken = pause()
      await work(deps, stopping.signal).catch((error: unknown) => deps.log.warn({ err: error }, 'exports go on later'))
      await woken
    }
  })()
  return {
    wake: () => wake(),
    async close() {
      stopping.abort()
      wake()
      await loop
      await snapshots.end()
    },
  }
}

async function work(deps: ExportDeps, signal: AbortSignal): Promise<void> {
  const [open] = await systemFlight(deps.sql, (tx) => [selectOpenExports(tx, EXPORTS)])
  for (const row of open) {
    if (signal.aborted) return
    const claim = randomUUID()
    const [[claimed]] = await tenantFlight(deps.sql, wholeTenant(row.tenant_id), (tx) => [
      claimExport(tx, row, claim, CLAIM_SECONDS),
    ])
    if (claimed !== undefined) await goOn(deps, { ...claimed, claim }, signal)
  }
  await removeExports(deps, signal)
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
