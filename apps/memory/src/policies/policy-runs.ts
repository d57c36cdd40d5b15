import { randomUUID } from 'node:crypto'
import { CryptoError } from '@memoric/crypto/errors.ts'
import { isUnavailable } from '@memoric/postgres/database-error.ts'
import { systemFlight, tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import { serviceContext } from '../service-context.ts'
import { carryOutRun, finishRun } from './carry-out-run.ts'
import type { PolicyDeps } from './policy-deps.ts'
import { EMPTY_REPORT } from './report.ts'
import { type ClaimedRun, claimRun, type PolicyRunRow, releaseRun, selectOpenRuns } from './run-repository.ts'
import { CLAIM_SECONDS, RunLost } from './run-state.ts'
import { startDueRuns } from './start-run.ts'

/** Carries out the policies of tenants in the background. */
export interface PolicyRuns {
  /** Looks for work at once. */
  wake(): void
  /** Runs that this process ended, and memories that it judged, since it started. */
  totals(): PolicyTotals
  close(): Promise<void>
}

export interface PolicyTotals {
  readonly done: number
  readonly failed: number
  readonly memories: number
}

export interface PolicyRunsOptions extends PolicyDeps {
  /** Ms between two looks for runs that are due, that other processes began, or that they left behind. */
  readonly everyMs?: number
}

const RUNS = 20
/** Runs of different tenants that a process carries out at once. */
const AT_ONCE = 2
/** How often a run is begun without getting any further before it counts as failed. */
const ATTEMPTS = 5
const PAUSE_SECONDS = 5

/** One process at a time works on a run, and a tenant has one run at a time; what one leaves behind another goes on with. */
export function createPolicyRuns({ everyMs = 15_000, ...deps }: PolicyRunsOptions): PolicyRuns {
  const stopping = new AbortController()
  const totals = { done: 0, failed: 0, memories: 0 }
  const active = new Map<string, Promise<void>>()
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
      await look().catch((error: unknown) => deps.log.warn({ err: error }, 'policies are carried out later'))
      await woken
    }
  })()
  return {
    wake: () => wake(),
    totals: () => totals,
    async close() {
      stopping.abort()
      wake()
      await loop
      await Promise.all(active.values())
    },
  }

  async function look(): Promise<void> {
    await startDueRuns(deps)
    const [open] = await systemFlight(deps.sql, (tx) => [selectOpenRuns(tx, RUNS)])
    for (const row of open) {
      if (stopping.signal.aborted || active.size >= AT_ONCE) return
      if (!active.has(row.id)) active.set(row.id, begin(row))
    }
  }

  /** Looks for the next one at its end, since there may be more than are carried out at once. */
  async function begin(row: PolicyRunRow): Promise<void> {
    const isTaken = await take(row).catch((error: unknown) => {
      deps.log.warn({ err: error, run_id: row.id }, 'a run of a policy is taken up later')
      return false
    })
    active.delete(row.id)
    if (isTaken) wake()
  }

  /** False when another process was faster. */
  async function take(row: PolicyRunRow): Promise<boolean> {
    const claim = randomUUID()
    const { version } = await deps.policies.of(row.tenant_id)
    const [[claimed]] = await tenantFlight(deps.sql, wholeTenant(row.tenant_id), (tx) => [
      claimRun(tx, row, claim, version, CLAIM_SECONDS),
    ])
    if (claimed !== undefined) await goOn({ ...claimed, claim })
    return claimed !== undefined
  }

  /** Carries out one run as far as it goes, and never throws for what is wrong with it. */
  async function goOn(run: ClaimedRun): Promise<void> {
    const before = run.looked_at
    try {
      const state = await carryOutRun(deps, run, stopping.signal)
      totals.memories += state.lookedAt() - before
      if (stopping.signal.aborted) await release(run, 0)
      else totals.done += 1
    } catch (error) {
      if (error instanceof RunLost) return
      await giveUp(run, error).catch((cause: unknown) => deps.log.warn({ err: cause }, 'a run is found again later'))
    }
  }

  async function giveUp(run: ClaimedRun, error: unknown): Promise<void> {
    deps.log.warn({ err: error, run_id: run.id }, 'a run of a policy could not go on yet')
    if (isPassing(error) || run.attempts < ATTEMPTS) return release(run, PAUSE_SECONDS)
    const context = serviceContext(run.tenant_id, 'policies')
    await finishRun(
      deps,
      { run, context, report: () => ({ ...EMPTY_REPORT, ...run.report }) },
      'failed',
      'internal_error',
    )
    totals.failed += 1
  }

  async function release(run: ClaimedRun, seconds: number): Promise<void> {
    await tenantFlight(deps.sql, wholeTenant(run.tenant_id), (tx) => [releaseRun(tx, run, seconds)])
  }
}

/** Whether waiting may help: the database or the provider of the key encryption key is away. */
function isPassing(error: unknown): boolean {
  return isUnavailable(error) || (error instanceof CryptoError && error.code === 'kek_unavailable')
}
