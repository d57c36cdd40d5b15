import type { Caller } from '@memoric/contracts/caller.ts'
import { isOfAllSubjects, type SearchScope } from '@memoric/contracts/search-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { scopeOf } from '../caller-scope.ts'
import { type Near, similaritiesOf } from '../embeddings/similarity.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { type Doubts, findDoubts, readBegun } from './doubtful-words.ts'
import { rank, type RankedMemory } from './ranking.ts'
import type { SearchPlan } from './search-plan.ts'
import { MOST_OPENED } from './most-opened.ts'
import { type Candidates, selectCandidates } from './search-candidates.ts'
import { selectLatestSubjects } from './segment-repository.ts'
import type { SubjectIndex } from './subject-index.ts'

/** What a scope has, best first. */
export interface Ranked {
  readonly best: readonly RankedMemory[]
  /** Memories that were considered. */
  readonly searched: number
  readonly subjects: number
  /** There are more subjects, or more texts that might have a word that begins as asked for, than were looked at. */
  readonly isCut: boolean
  /** Memories that were considered and have a vector to compare. */
  readonly embedded: number
}

/** Indexes that one search loads at a time. */
const TOGETHER = 4

/** Ranks the memories of a scope: of one subject, or of the subjects that the caller may see and that changed last. */
export async function rankScope(deps: MemoryDeps, plan: SearchPlan, scope: SearchScope): Promise<Ranked> {
  if (!isOfAllSubjects(scope))
    return { ...(await rankSubject(deps, plan, scope, plan.subjectId, MOST_OPENED)), subjects: 1 }
  const { maxSubjects } = deps.searchLimits
  const found = await latestSubjects(deps, plan.caller, maxSubjects + 1)
  const subjects = found.slice(0, maxSubjects)
  const each: RankedSubject[] = []
  const most = Math.ceil(MOST_OPENED / Math.max(1, subjects.length))
  for (let at = 0; at < subjects.length; at += TOGETHER) {
    const some = subjects.slice(at, at + TOGETHER)
    each.push(...(await Promise.all(some.map((subjectId) => rankSubject(deps, plan, scope, subjectId, most)))))
  }
  const isTextCut = each.some(({ isCut }) => isCut)
  return {
    best: each
      .flatMap(({ best }) => best)
      .sort(compare)
      .slice(0, isTextCut ? MOST_OPENED : plan.limit),
    searched: each.reduce((sum, { searched }) => sum + searched, 0),
    subjects: subjects.length,
    isCut: isTextCut || found.length > maxSubjects,
    embedded: each.reduce((sum, { embedded }) => sum + embedded, 0),
  }
}

type RankedSubject = Omit<Ranked, 'subjects'>

/** Ranks the memories of one subject, once the texts have said what its index leaves open: at most `most` of them. */
async function rankSubject(
  deps: MemoryDeps,
  plan: SearchPlan,
  scope: SearchScope,
  subjectId: string,
  most: number,
): Promise<RankedSubject> {
  const { caller, query, limit } = plan
  const near = await plan.near?.of(subjectId)
  const place = { tenantId: caller.tenantId, subjectId }
  const first = await deps.indexes.use(place, (index) => rankOrDoubt(index, plan, scope, subjectId, near, most))
  if (!('ids' in first)) return { ...first, isCut: false }
  const { ids, isCut } = first
  const begun = await readBegun(deps, caller, query, ids)
  const told = { ...plan, query: { ...query, begun }, limit: isCut ? MOST_OPENED : limit }
  const ranked = await deps.indexes.use(place, (index) => rankIndex(index, told, scope, subjectId, near))
  return { ...ranked, isCut }
}

type RankedIndex = Pick<Ranked, 'best' | 'searched' | 'embedded'>

/** Ranks the memories that an index knows of, unless it leaves open what some of them have. */
export function rankOrDoubt(
  index: SubjectIndex,
  plan: SearchPlan,
  scope: SearchScope,
  subjectId: string,
  near: Near | undefined,
  most = MOST_OPENED,
): RankedIndex | Doubts {
  const candidates = candidatesIn(index, plan, scope, subjectId)
  const doubts = findDoubts(candidates, plan.query, most)
  return doubts.ids.length > 0 ? doubts : rankCandidates(candidates, plan, near)
}

function rankIndex(
  index: SubjectIndex,
  plan: SearchPlan,
  scope: SearchScope,
  subjectId: string,
  near: Near | undefined,
): RankedIndex {
  return rankCandidates(candidatesIn(index, plan, scope, subjectId), plan, near)
}

function candidatesIn(
  index: SubjectIndex,
  { caller, request, query, now, archived }: SearchPlan,
  scope: SearchScope,
  subjectId: string,
): Candidates {
  return selectCandidates(index, caller.namespaces, request, scope, now, query, archived?.get(subjectId))
}

function rankCandidates(
  candidates: Candidates,
  { request, query, policy, limit, now }: SearchPlan,
  near: Near | undefined,
): RankedIndex {
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
