import type { PolicyDocument } from '@memoric/contracts/policy-contract.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { type SubjectKeys, wholeTenant } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { dropVersions, type VersionLimits } from './page-repository.ts'
import type { PolicyDeps } from './policy-deps.ts'
import { addCounts } from './report.ts'
import { lockForRun } from './run-page.ts'
import { LAST, type RunState } from './run-state.ts'

const BATCH = 1000

/** The limits of the history; null when everything is kept. */
export function versionLimits({ history }: PolicyDocument): VersionLimits | null {
  const { keep_versions: keepVersions, keep_days: keepDays } = history
  return keepVersions === null && keepDays === null ? null : { keepVersions, keepDays }
}

/** Deletes the replaced versions that the policy does not keep any more. */
export async function runHistory(
  deps: PolicyDeps,
  state: RunState,
  keys: SubjectKeys,
  place: SubjectPlace,
): Promise<void> {
  const limits = versionLimits(state.policy.document)
  if (limits === null) return
  while (!state.signal.aborted && (await dropSome(deps, state, keys, place, limits)) === BATCH);
}

async function dropSome(
  deps: PolicyDeps,
  state: RunState,
  keys: SubjectKeys,
  place: SubjectPlace,
  limits: VersionLimits,
): Promise<number> {
  const { versions, size, committed } = await tenantTransaction(deps.sql, wholeTenant(place.tenantId), async (tx) => {
    await lockForRun(tx, state, keys, place)
    const [gone = { versions: 0, size: 0 }] = await dropVersions(tx, place, limits, BATCH)
    if (gone.versions === 0) return { ...gone, committed: () => undefined }
    const { context, run } = state
    const details = { run_id: run.id, versions: gone.versions }
    const told = deps.events({
      type: 'memory.history_dropped',
      context,
      resourceId: place.subjectId,
      statusCode: null,
      details,
    })
    await outboxInsert(tx, [told])
    const change = (report: ReturnType<RunState['report']>) => addCounts(report, { versions_dropped: gone.versions })
    const step = { placeSubject: place.subjectId, placeMemory: LAST, lookedAt: 0, change }
    return { ...gone, committed: await state.note(tx, step) }
  })
  committed()
  deps.quotas.add(place.tenantId, { memories: 0, bytes: -size })
  return versions
}
