import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { dropSegments } from './drop-segments.ts'
import type { IndexCache } from './index-cache.ts'
import type { SearchDeps } from './search-deps.ts'
import { scopeOfIndex, selectSubjectIds, selectSubjectState, type SubjectPlace } from './segment-repository.ts'

type RebuildDeps = Pick<SearchDeps, 'sql' | 'events' | 'relay'> & { readonly indexes: IndexCache }

const PAGE = 500

/**
 * Drops the stored segments of a subject and builds them anew from its memories. Searches go on meanwhile. The event names `actor`,
 * or the service. False when there is no such subject.
 */
export async function rebuildIndex(deps: RebuildDeps, place: SubjectPlace, actor?: string): Promise<boolean> {
  const [[subject]] = await tenantFlight(deps.sql, scopeOfIndex(place), (tx) => [selectSubjectState(tx, place)])
  if (subject === undefined) return false
  await dropSegments(deps, place, 'requested', actor)
  deps.indexes.forget(place)
  await deps.indexes.store(place)
  return true
}

/** The same for every subject of a tenant, one after the other; gives the id of each when it is done. */
export async function* rebuildIndexes(deps: RebuildDeps, tenantId: string, actor?: string): AsyncGenerator<string> {
  for (let after: string | undefined = ''; after !== undefined;) {
    const from: string = after
    const [rows] = await tenantFlight(deps.sql, { tenantId, subjects: '*', namespaces: '*' }, (tx) => [
      selectSubjectIds(tx, tenantId, from, PAGE),
    ])
    for (const { subject_id: subjectId } of rows) {
      await rebuildIndex(deps, { tenantId, subjectId }, actor)
      yield subjectId
    }
    after = rows.at(-1)?.subject_id
  }
}
