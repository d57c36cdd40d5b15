import type { PolicyReport } from '@memoric/contracts/policy-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { Policy } from './policy.ts'
import { EMPTY_REPORT } from './report.ts'
import { type ClaimedRun, noteProgress } from './run-repository.ts'

/** Another process has taken the run over, or its row is gone. */
export class RunLost extends Error {
  override readonly name = 'RunLost'
}

/** A run as the process that has it knows it. */
export interface RunState {
  readonly run: ClaimedRun
  readonly policy: Policy
  readonly context: RequestContext
  readonly signal: AbortSignal
  /** What is committed. */
  readonly report: () => PolicyReport
  readonly lookedAt: () => number
  /**
   * Notes in the transaction of a change what it adds to the report, and the place from which the run goes on. Throws RunLost. What
   * it gives is called once the transaction is committed.
   */
  note(tx: Tx, step: Step): Promise<() => void>
}

export interface Step {
  readonly placeSubject: string
  /** The last memory that was judged; null when the subject is finished. */
  readonly placeMemory: string | null
  readonly lookedAt: number
  readonly change: (report: PolicyReport) => PolicyReport
}

/** The place of a subject whose memories were all judged: no memory comes after it. */
export const LAST = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** How long a run is ours without a sign of life, seconds. */
export const CLAIM_SECONDS = 60

export function createRunState(
  run: ClaimedRun,
  policy: Policy,
  context: RequestContext,
  signal: AbortSignal,
): RunState {
  let report: PolicyReport = { ...EMPTY_REPORT, ...run.report }
  let lookedAt = run.looked_at
  return {
    run,
    policy,
    context,
    signal,
    report: () => report,
    lookedAt: () => lookedAt,
    async note(tx, { placeSubject, placeMemory, lookedAt: more, change }) {
      const next = { placeSubject, placeMemory, lookedAt: lookedAt + more, report: change(report) }
      const rows = await noteProgress(tx, run, next, CLAIM_SECONDS)
      if (rows.length === 0) throw new RunLost()
      return () => {
        report = next.report
        lookedAt = next.lookedAt
      }
    },
  }
}
