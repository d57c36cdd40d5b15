import { DEFAULT_SUBJECT, type Memory } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { SearchRequest, SearchScope } from '@memoric/contracts/search-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { requireNamespace, subjectFor } from '@memoric/service/caller-limits.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectMemories } from '../memories/memory-repository.ts'
import { openRows } from '../memories/open-rows.ts'
import { rank, type RankedMemory } from './ranking.ts'
import { selectCandidates } from './search-candidates.ts'
import type { SubjectIndex } from './subject-index.ts'
import { weightsOf } from './weights.ts'
import { queryWords } from './words.ts'

type Search = RouteTable['searchMemories']

interface Found {
  readonly scope: SearchScope
  readonly searched: number
  readonly best: readonly RankedMemory[]
}

/** Searches the memories of one subject. Throws AppError `subject_not_allowed`, `namespace_not_allowed`. */
export async function searchMemories(deps: MemoryDeps, { body, context }: Call<Search>): Promise<RouteOutput<Search>> {
  const { caller } = context
  const subjectId = subjectFor(caller, body.subject_id, DEFAULT_SUBJECT)
  if (body.namespace !== undefined) requireNamespace(caller, body.namespace)
  const place = { tenantId: caller.tenantId, subjectId }
  const found = await deps.indexes.use(place, (index) => findInScopes(index, context, body, deps.now().getTime()))
  const results = await openResults(deps, context, found.best)
  deps.reads.record({
    type: 'memory.searched',
    context,
    resourceId: subjectId,
    details: { scope: found.scope, searched: found.searched, results: results.map(({ memory }) => memory.id) },
  })
  return { status: 200, body: { results, scope_used: found.scope, searched: found.searched } }
}

/** Tries the scope, then those to fall back to while nothing is found. */
function findInScopes(index: SubjectIndex, { caller }: RequestContext, request: SearchRequest, now: number): Found {
  const words = request.query === undefined ? [] : queryWords(request.query)
  const { top_k: topK, explain } = request
  const ranking = { seed: index.seed, words, weights: weightsOf(request, words.length > 0), topK, now, explain }
  const [first, ...rest] = scopesOf(request).map((scope) => () => {
    const candidates = selectCandidates(index, caller.namespaces, request, scope, now)
    return { scope, searched: candidates.eligible, best: rank(candidates, ranking) }
  })
  if (first === undefined) throw new Error('a search without a scope')
  return rest.reduce((found, next) => (found.best.length > 0 ? found : next()), first())
}

function scopesOf({ scope, thread_id, topic, fallback = [] }: SearchRequest): SearchScope[] {
  const usable = fallback.filter(
    (name) => (name !== 'thread' || thread_id !== undefined) && (name !== 'topic' || topic !== undefined),
  )
  return [scope ?? defaultScope(thread_id, topic), ...usable]
}

function defaultScope(threadId: string | undefined, topic: string | undefined): SearchScope {
  if (threadId !== undefined) return 'thread'
  return topic === undefined ? 'subject' : 'topic'
}

/** Reads and opens the winners; row security has the last word on each. */
async function openResults(deps: MemoryDeps, { caller }: RequestContext, best: readonly RankedMemory[]) {
  if (best.length === 0) return []
  const ids = best.map(({ id }) => id)
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectMemories(tx, caller.tenantId, ids)])
  const memories = new Map<string, Memory>((await openRows(deps, rows)).map((memory) => [memory.id, memory]))
  return best.flatMap(({ id, score, explanation }) => {
    const memory = memories.get(id)
    if (memory === undefined) return []
    return [{ memory, score, ...(explanation !== undefined && { explanation }) }]
  })
}
