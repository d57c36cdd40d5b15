import type { TierPolicy } from '@memoric/contracts/policy-contract.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { type SubjectKeys, wholeTenant } from '../keys/subject-keys.ts'
import type { RemovedRow } from '../memories/memory-removal-repository.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { deleteByPolicy } from './delete-by-policy.ts'
import { hasExpiryOfTier } from './judge-memory.ts'
import { movedEvents } from './moved-events.ts'
import { countTiers, moveMemories, selectVictims } from './page-repository.ts'
import type { PolicyDeps } from './policy-deps.ts'
import { addCounts } from './report.ts'
import { lockForRun } from './run-page.ts'
import { LAST, type RunState } from './run-state.ts'

const BATCH = 400

/** Takes from each tier that is too full what goes first, in the order of the tiers. */
export async function runCapacity(
  deps: PolicyDeps,
  state: RunState,
  keys: SubjectKeys,
  place: SubjectPlace,
): Promise<void> {
  const { tiers } = state.policy.document
  for (const [at, tier] of tiers.entries()) {
    const next = tiers[at + 1]
    if (tier.capacity === null || (tier.capacity.on_overflow === 'move' && next === undefined)) continue
    while (!state.signal.aborted && (await evictSome(deps, state, keys, place, tier, next)) === BATCH);
  }
}

/** Gives how many memories left the tier. */
async function evictSome(
  deps: PolicyDeps,
  state: RunState,
  keys: SubjectKeys,
  place: SubjectPlace,
  { name, capacity }: TierPolicy,
  next: TierPolicy | undefined,
): Promise<number> {
  if (capacity === null) return 0
  const { document, ranking } = state.policy
  const done = await tenantTransaction(deps.sql, wholeTenant(place.tenantId), async (tx) => {
    await lockForRun(tx, state, keys, place)
    const counts = await countTiers(tx, place)
    const surplus = (counts.find(({ tier }) => tier === name)?.memories ?? 0) - capacity.memories
    if (surplus <= 0) return { count: 0, removed: [], committed: () => undefined }
    const rows = await selectVictims(tx, place, name, capacity.evict, ranking, Math.min(surplus, BATCH))
    const isDeleted = capacity.on_overflow === 'delete'
    const removed = isDeleted ? await remove(rows.map(({ id }) => id)) : []
    if (!isDeleted && next !== undefined && rows.length > 0) {
      const judged = rows.map((row) => {
        const losesExpiry = hasExpiryOfTier(document, row)
        return { row, verdict: { tier: next.name, isPromoted: false, isTaken: false, isDeleted: false, losesExpiry } }
      })
      const moves = judged.map(({ row, verdict }) => ({
        id: row.id,
        to: next.name,
        losesExpiry: verdict.losesExpiry,
      }))
      await Promise.all([
        moveMemories(tx, place, moves),
        outboxInsert(tx, movedEvents(deps, state, place, judged, 'capacity')),
      ])
    }
    const committed = await state.note(tx, {
      placeSubject: place.subjectId,
      placeMemory: LAST,
      lookedAt: 0,
      change: (report) => addCounts(report, { [isDeleted ? 'deleted' : 'evicted']: rows.length }),
    })
    return { count: rows.length, removed, committed }

    function remove(ids: readonly string[]): Promise<readonly RemovedRow[]> {
      return ids.length === 0 ? Promise.resolve([]) : deleteByPolicy(tx, deps, state.context, keys, place, ids)
    }
  })
  done.committed()
  for (const { size } of done.removed) deps.quotas.add(place.tenantId, { memories: -1, bytes: -size })
  if (done.count > 0) deps.relay.wake()
  return done.count
}
