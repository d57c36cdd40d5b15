import { CryptoError } from '@memoric/crypto/errors.ts'
import { errorCode } from '@memoric/postgres/database-error.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { consolidateSubject } from '../consolidations/consolidate-subject.ts'
import { type SubjectKeys, wholeTenant } from '../keys/subject-keys.ts'
import { withFreshKeys } from '../memories/stale-keys.ts'
import { CONSENT_WITHDRAWN, NO_CONSENT } from '../privacy/consent-rules.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { PolicyDeps } from './policy-deps.ts'
import { addCounts, type Counts } from './report.ts'
import { runCapacity } from './run-capacity.ts'
import { runHistory } from './run-history.ts'
import { runPage } from './run-page.ts'
import type { RunState } from './run-state.ts'
import { runSummaries } from './run-summaries.ts'

/** Why nothing is done with a subject that could be done with others: it allows no processing. */
const SPARED: ReadonlySet<string> = new Set([CONSENT_WITHDRAWN, NO_CONSENT])

/** Carries out the policy for a subject, from the memory after `after` on. */
export async function runSubject(
  deps: PolicyDeps,
  state: RunState,
  place: SubjectPlace,
  after: string | null,
): Promise<void> {
  const from = { after }
  try {
    const isDone = await withFreshKeys(deps, { tenant_id: state.run.tenant_id, subject_id: place.subjectId }, () =>
      deps.keys.forReading(place.tenantId, place.subjectId, (keys) => {
        return keys === null || keys.isStopped ? false : work(deps, state, keys, place, from)
      }),
    )
    await noteSubject(deps, state, place, isDone ? { subjects: 1 } : { subjects: 1, spared: 1 })
  } catch (error) {
    if (SPARED.has(errorCode(error) ?? '')) return noteSubject(deps, state, place, { subjects: 1, spared: 1 })
    if (!(error instanceof CryptoError) || error.code === 'kek_unavailable') throw error
    deps.log.error({ err: error, run_id: state.run.id }, 'a subject could not be opened by the policy')
    await noteSubject(deps, state, place, { subjects: 1, failed: 1 })
  }
}

async function work(
  deps: PolicyDeps,
  state: RunState,
  keys: SubjectKeys,
  place: SubjectPlace,
  from: { after: string | null },
): Promise<boolean> {
  if (state.run.period !== null) {
    await consolidateSubject(deps, state, keys, place, state.run.period)
    return true
  }
  while (!state.signal.aborted) {
    const last = await runPage(deps, state, keys, place, from.after)
    if (last === null) break
    from.after = last
  }
  await runCapacity(deps, state, keys, place)
  await runSummaries(deps, state, keys, place)
  await runHistory(deps, state, keys, place)
  const { up_to: period } = state.policy.document.consolidation
  if (period !== null) await consolidateSubject(deps, state, keys, place, period)
  return true
}

/** A subject that was interrupted is not finished: the run goes on in it. */
async function noteSubject(deps: PolicyDeps, state: RunState, place: SubjectPlace, counts: Counts): Promise<void> {
  if (state.signal.aborted) return
  const committed = await tenantTransaction(deps.sql, wholeTenant(place.tenantId), (tx) =>
    state.note(tx, {
      placeSubject: place.subjectId,
      placeMemory: null,
      lookedAt: 0,
      change: (report) => addCounts(report, counts),
    }),
  )
  committed()
}
