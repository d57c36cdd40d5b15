import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import { selectSubjectIds } from '../search/segment-repository.ts'
import { serviceContext } from '../service-context.ts'
import type { PolicyDeps } from './policy-deps.ts'
import { type ClaimedRun, dropOldRuns, endRun } from './run-repository.ts'
import { createRunState, type RunState, RunLost } from './run-state.ts'
import { runSubject } from './run-subject.ts'

/** Subjects that are read at a time, and runs of a tenant that are kept. */
const SUBJECTS = 100
const KEPT_RUNS = 500

/** Carries out a run from where it is to its end, or until it is stopped: then the state tells how far it came. */
export async function carryOutRun(deps: PolicyDeps, run: ClaimedRun, signal: AbortSignal): Promise<RunState> {
  const policy = await deps.policies.of(run.tenant_id)
  const job = run.period === null ? 'policies' : 'consolidation'
  const state = createRunState(run, policy, serviceContext(run.tenant_id, job), signal)
  let place = { subject: run.place_subject ?? '', memory: run.place_memory }
  if (run.place_memory !== null) await runOne(place.subject, place.memory)
  for (;;) {
    const subjects = await nextSubjects(deps, run, place.subject)
    for (const subject of subjects) {
      if (signal.aborted) return state
      await runOne(subject, null)
      place = { subject, memory: null }
    }
    if (subjects.length < SUBJECTS || signal.aborted) break
  }
  if (!signal.aborted) await finishRun(deps, state, 'done')
  return state

  function runOne(subjectId: string, after: string | null): Promise<void> {
    return runSubject(deps, state, { tenantId: run.tenant_id, subjectId }, after)
  }
}

async function nextSubjects({ sql }: PolicyDeps, run: ClaimedRun, after: string): Promise<string[]> {
  if (run.subject_id !== null) return run.subject_id > after ? [run.subject_id] : []
  const [rows] = await tenantFlight(sql, wholeTenant(run.tenant_id), (tx) => [
    selectSubjectIds(tx, run.tenant_id, after, SUBJECTS),
  ])
  return rows.map(({ subject_id }) => subject_id)
}

/** Ends a run and tells of it. Throws RunLost. */
export async function finishRun(
  deps: PolicyDeps,
  { run, context, report }: Pick<RunState, 'run' | 'context' | 'report'>,
  outcome: 'done' | 'failed',
  reason?: string,
): Promise<void> {
  const whole = { ...report(), complete: outcome === 'done' }
  await tenantTransaction(deps.sql, wholeTenant(run.tenant_id), async (tx) => {
    const rows = await endRun(tx, run, outcome, whole)
    if (rows.length === 0) throw new RunLost()
    const told = deps.events({
      type: run.period === null ? 'policy.run_ended' : 'consolidation.ended',
      context,
      resourceId: run.id,
      statusCode: null,
      outcome: outcome === 'done' ? 'success' : 'failure',
      ...(reason !== undefined && { reason }),
      details: {
        policy_version: run.policy_version,
        subject_id: run.subject_id,
        ...(run.period !== null && { period: run.period }),
        report: whole,
      },
    })
    await Promise.all([outboxInsert(tx, [told]), dropOldRuns(tx, run.tenant_id, KEPT_RUNS)])
  })
  deps.relay.wake()
}
