import { isOfAllSubjects, type SearchScope } from '@memoric/contracts/search-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectMemoriesWithState } from '../memories/memory-read-repository.ts'
import type { MemoryRow } from '../memories/memory-row.ts'
import { needsTexts } from './check-phrases.ts'
import { openRanked, type OpenedMemory } from './open-best.ts'
import { type Ranked, rankOrDoubt } from './rank-subjects.ts'
import type { SearchPlan } from './search-plan.ts'

/**
 * Ranks with the index as it is in memory, and reads the winners together with how far the subject is: one round trip where nothing
 * was written since. Null when the index is not in memory or lacks a change, so that it has to be brought up to date first, and when
 * texts have to be read.
 */
export async function answerAsHeld(
  deps: MemoryDeps,
  plan: SearchPlan,
  scope: SearchScope,
): Promise<(Ranked & { readonly results: readonly OpenedMemory[] }) | null> {
  const { caller, subjectId, query } = plan
  if (isOfAllSubjects(scope) || needsTexts(query)) return null
  const near = await plan.near?.of(subjectId)
  const held = deps.indexes.peek({ tenantId: caller.tenantId, subjectId }, (index) => {
    const ranked = rankOrDoubt(index, plan, scope, subjectId, near)
    return 'ids' in ranked ? null : { ...ranked, change: index.change, since: index.subjectSince }
  })
  if (held === null) return null
  const ids = held.best.map(({ id }) => id)
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    selectMemoriesWithState(tx, caller.tenantId, subjectId, ids),
  ])
  const [state] = rows
  if (state?.last_change !== held.change || state.subject_since.getTime() !== held.since) return null
  const { best, searched, embedded } = held
  return {
    best,
    searched,
    embedded,
    subjects: 1,
    isCut: false,
    results: await openRanked(deps, best, rows.filter(isFound)),
  }
}

function isFound<R extends { readonly id: string | null }>(row: R): row is R & MemoryRow {
  return row.id !== null
}
