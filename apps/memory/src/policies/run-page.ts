import type { Tier } from '@memoric/contracts/memory-contract.ts'
import type { PolicyReport } from '@memoric/contracts/policy-contract.ts'
import { errorCode } from '@memoric/postgres/database-error.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { RemovedRow } from '../memories/memory-removal-repository.ts'
import { lockSubjects } from '../memories/subject-lock-repository.ts'
import { OVER_QUOTA } from '../quotas/quota-repository.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { type SubjectKeys, wholeTenant } from '../keys/subject-keys.ts'
import { judgeMemory, type Verdict } from './judge-memory.ts'
import { type PageRow, moveMemories, selectPolicyPage } from './page-repository.ts'
import type { PolicyDeps } from './policy-deps.ts'
import { deleteByPolicy } from './delete-by-policy.ts'
import { movedEvents } from './moved-events.ts'
import { addCounts, addMoves } from './report.ts'
import { LAST, type RunState } from './run-state.ts'
import { trimMemories, type Trimmed } from './trim-memories.ts'

/** Memories of one transaction: some milliseconds under the lock of their subject. */
const PAGE = 400

/** A memory and what is to become of it. */
export interface Judged {
  readonly row: PageRow
  readonly verdict: Verdict
}

/** Locks the subject. Throws STALE_KEY, CONSENT_WITHDRAWN, NO_CONSENT. */
export async function lockForRun(tx: Tx, { run }: RunState, keys: SubjectKeys, place: SubjectPlace): Promise<void> {
  const consent = run.consent_required ? 'required' : 'not_withdrawn'
  const keyVersion = keys.content.current().id
  await lockSubjects(tx, place.tenantId, [{ subjectId: place.subjectId, keyVersion, consent }])
}

/** Judges a page of the memories of a subject after `after`; gives the last of them, null when there are no more. */
export async function runPage(
  deps: PolicyDeps,
  state: RunState,
  keys: SubjectKeys,
  place: SubjectPlace,
  after: string | null,
): Promise<string | null> {
  try {
    return await tryPage(deps, state, keys, place, after, true)
  } catch (error) {
    if (errorCode(error) !== OVER_QUOTA) throw error
    // Without room for the versions that cutting leaves behind, the rest of the page is done.
    return tryPage(deps, state, keys, place, after, false)
  }
}

async function tryPage(
  deps: PolicyDeps,
  state: RunState,
  keys: SubjectKeys,
  place: SubjectPlace,
  after: string | null,
  mayTrim: boolean,
): Promise<string | null> {
  const { policy } = state
  const done = await tenantTransaction(deps.sql, wholeTenant(place.tenantId), async (tx) => {
    await lockForRun(tx, state, keys, place)
    const rows = await selectPolicyPage(tx, place, after, PAGE)
    const last = rows.at(-1)
    const now = deps.now()
    const judged = rows.map((row) => ({ row, verdict: judgeMemory(policy, row, now) }))
    const removed = await carryOut(tx, deps, state, keys, place, judged)
    const trimmed = await trimMemories(tx, deps, state, keys, place, judged, mayTrim)
    const committed = await state.note(tx, {
      placeSubject: place.subjectId,
      placeMemory: last?.id ?? after ?? LAST,
      lookedAt: rows.length,
      change: (report) => reportOf(report, judged, trimmed),
    })
    return { last, removed, trimmed, committed }
  })
  done.committed()
  for (const { size } of done.removed) deps.quotas.add(place.tenantId, { memories: -1, bytes: -size })
  deps.quotas.add(place.tenantId, { memories: 0, bytes: done.trimmed.bytes })
  deps.relay.wake()
  return done.last?.id ?? null
}

async function carryOut(
  tx: Tx,
  deps: PolicyDeps,
  state: RunState,
  keys: SubjectKeys,
  place: SubjectPlace,
  judged: readonly Judged[],
): Promise<readonly RemovedRow[]> {
  const moves = judged.filter(isMoved)
  if (moves.length > 0) {
    const told = movedEvents(deps, state, place, moves)
    const changes = moves.map(({ row, verdict }) => ({
      id: row.id,
      to: verdict.tier,
      losesExpiry: verdict.losesExpiry,
    }))
    await Promise.all([moveMemories(tx, place, changes), outboxInsert(tx, told)])
  }
  const doomed = judged.filter(isDoomed).map(({ row }) => row.id)
  return doomed.length === 0 ? [] : deleteByPolicy(tx, deps, state.context, keys, place, doomed)
}

export function isMoved({ row, verdict }: Judged): boolean {
  return !verdict.isDeleted && verdict.tier !== row.tier
}

export function isDoomed({ row, verdict }: Judged): boolean {
  return verdict.isDeleted && !row.is_guarded
}

/** What the verdicts add to a report. */
export function reportOf(
  report: PolicyReport,
  judged: readonly Judged[],
  trimmed: Omit<Trimmed, 'bytes'>,
): PolicyReport {
  const moved = judged.filter((each) => isMoved(each) && !each.verdict.isPromoted)
  const counted = addCounts(report, {
    memories: judged.length,
    promoted: judged.filter((each) => isMoved(each) && each.verdict.isPromoted).length,
    deleted: judged.filter(isDoomed).length,
    trimmed: trimmed.memories,
    failed: trimmed.failed,
    spared: judged.filter(({ row, verdict }) => verdict.isDeleted && row.is_guarded).length,
  })
  const ways = Map.groupBy(moved, ({ row, verdict }) => `${row.tier} ${verdict.tier}`)
  return [...ways.values()].reduce((sum, some) => {
    const [first] = some
    const [from, to]: [Tier, Tier] = [first?.row.tier ?? '', first?.verdict.tier ?? '']
    return addMoves(sum, from, to, some.length)
  }, counted)
}
