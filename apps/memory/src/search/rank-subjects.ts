import type { Caller } from '@memoric/contracts/caller.ts'
import { isOfAllSubjects, type SearchScope } from '@memoric/contracts/search-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { scopeOf } from '../caller-scope.ts'
import { type Near, similaritiesOf } from '../embeddings/similarity.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { rank, type RankedMemory } from './ranking.ts'
import type { SearchPlan } from './search-plan.ts'
import { selectCandidates } from './search-candidates.ts'
import { selectLatestSubjects } from './segment-repository.ts'
import type { SubjectIndex } from './subject-index.ts'

/** What a scope has, best first. */
export interface Ranked {
  readonly best: readonly RankedMemory[]
  /** Memories that were considered. */
  readonly searched: number
  readonly subjects: number
  /** There are more subjects than were looked at. */
  readonly isCut: boolean
  /** Memories that were considered and have a vector to compare. */
  readonly embedded: number
}

/** Indexes that one search loads at a time. */
const TOGETHER = 4

/** Ranks the memories of a scope: of one subject, or of the subjects that the caller may see and that changed last. */
export async function rankScope(deps: MemoryDeps, plan: SearchPlan, scope: SearchScope): Promise<Ranked> {
  if (!isOfAllSubjects(scope))
    return { ...(await rankSubject(deps, plan, scope, plan.subjectId)), subjects: 1, isCut: false }
  const { maxSubjects } = deps.searchLimits
  const found = await latestSubjects(deps, plan.caller, maxSubjects + 1)
  const subjects = found.slice(0, maxSubjects)
  const each: Awaited<ReturnType<typeof rankSubject>>[] = []
  for (let at = 0; at < subjects.length; at += TOGETHER) {
    const some = subjects.slice(at, at + TOGETHER)
    each.push(...(await Promise.all(some.map((subjectId) => rankSubject(deps, plan, scope, subjectId)))))
  }
  return {
    best: each
      .flatMap(({ best }) => best)
      .sort(compare)
      .slice(0, plan.limit),
    searched: each.reduce((sum, { searched }) => sum + searched, 0),
    subjects: subjects.length,
    isCut: found.length > maxSubjects,
    embedded: each.reduce((sum, { embedded }) => sum + embedded, 0),
  }
}

async function rankSubject({ indexes }: MemoryDeps, plan: SearchPlan, scope: SearchScope, subjectId: string) {
  const near = await plan.near?.of(subjectId)
  return indexes.use({ tenantId: plan.caller.tenantId, subjectId }, (index) =>
    rankIndex(index, plan, scope, subjectId, near),
  )
}

/** Ranks the memories that an index knows of. */
export function rankIndex(
  index: SubjectIndex,
  { caller, request, query, policy, limit, now, archived }: SearchPlan,
  scope: SearchScope,
  subjectId: string,
  near: Near | undefined,
): Pick<Ranked, 'best' | 'searched' | 'embedded'> {
  const candidates = selectCandidates(index, caller.namespaces, request, scope, now, query, archived?.get(subjectId))
  const similarities = near && similaritiesOf(candidates, near)
  const best = rank(candidates, { query, policy, topK: limit, now, explain: request.explain, similarities })
  return { best, searched: candidates.eligible, embedded: similarities?.embedded ?? 0 }
}

async function latestSubjects(deps: MemoryDeps, caller: Caller, limit: number): Promise<string[]> {
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    selectLatestSubjects(tx, caller.tenantId, limit),
  ])
  return rows.map(({ subject_id }) => subject_id)
}

function compare(one: RankedMemory, other: RankedMemory): number {
  return other.score - one.score || (one.id < other.id ? -1 : 1)
}
