import type { Caller } from '@memoric/contracts/caller.ts'
import { DEFAULT_SUBJECT } from '@memoric/contracts/memory-contract.ts'
import type { PolicyDocument } from '@memoric/contracts/policy-contract.ts'
import { isOfAllSubjects, type SearchRequest, type SearchScope } from '@memoric/contracts/search-contract.ts'
import { requireNamespace, subjectFor } from '@memoric/service/caller-limits.ts'
import type { NearSearch } from '../embeddings/embeddings.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { requireTierToRead } from '../policies/require-tier.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import { answerAsHeld } from './answer-as-held.ts'
import { readArchivedThreads } from './archived-threads.ts'
import { needsTexts } from './check-phrases.ts'
import { MOST_OPENED } from './most-opened.ts'
import { openBest, type OpenedMemory } from './open-best.ts'
import { parseQuery } from './parse-query.ts'
import { policyFor, type RankingPolicy } from './ranking-policy.ts'
import { type Ranked, rankScope } from './rank-subjects.ts'
import type { CompleteRequest, SearchPlan } from './search-plan.ts'
import { fallbackOf, needsSubject, scopesOf } from './search-scopes.ts'

/** What one scope answered. */
interface Found extends Ranked {
  readonly scope: SearchScope
  readonly results: readonly OpenedMemory[]
}

/** What a search found, best first, and where it looked. */
export interface FoundMemories {
  readonly results: readonly OpenedMemory[]
  readonly scope: SearchScope
  /** The subject that was searched; empty when all were. */
  readonly subjectId: string
  readonly searched: number
  readonly subjects: number
  readonly isTruncated: boolean
  /** How many were asked for at most. */
  readonly topK: number
  /** Whether memories were compared by what they mean; left out where nobody asked for that. */
  readonly embeddings?: 'used' | 'unavailable'
  /** Of the memories that were considered, those that have a vector. */
  readonly embedded: number
}

/**
 * Finds memories of one subject, or of many. Throws AppError `subject_not_allowed`, `namespace_not_allowed`, `permission_denied`,
 * `global_search_off`, `consent_withdrawn` and, for a query of too many parts, `validation_failed`.
 */
export async function findMemories(
  deps: MemoryDeps,
  caller: Caller,
  asked: SearchRequest,
  defaults?: RankingPolicy,
): Promise<FoundMemories> {
  const own = await deps.policies.of(caller.tenantId)
  const fallback = fallbackOf(own.document.retrieval.fallback, caller, deps.searchLimits)
  const request = withDefaults(asked, { ...own.document.retrieval, fallback })
  const scopes = scopesOf(request, caller, deps.searchLimits)
  const subjectId = needsSubject(scopes) ? subjectFor(caller, request.subject_id, DEFAULT_SUBJECT) : ''
  if (request.namespace !== undefined) requireNamespace(caller, request.namespace)
  const { tier } = request.filters ?? {}
  if (tier !== undefined) await requireTierToRead(deps, caller.tenantId, tier, '/filters/tier')
  if (subjectId !== '') await deps.keys.forReading(caller.tenantId, subjectId, requireProcessing)
  const query = parseQuery(request.query ?? '')
  const hasWords = query.words.length + query.prefixes.length > 0
  const limit = needsTexts(query) ? MOST_OPENED : request.top_k
  const near = hasWords ? await beginNear(deps, caller, request, defaults ?? own.ranking) : undefined
  try {
    const policy = policyFor(request, hasWords, defaults ?? own.ranking, near?.isAvailable)
    const plan = { caller, request, query, policy, near, subjectId, limit, now: deps.now().getTime() }
    const found = await findInScopes(deps, plan, scopes)
    const { results, scope, searched, subjects, embedded } = found
    if (own.countsRecalls) deps.uses.record(caller.tenantId, idsOf(results))
    const embeddings = near && ({ embeddings: near.isAvailable ? 'used' : 'unavailable' } as const)
    const { top_k: topK } = request
    const isTruncated = isCut(found, plan)
    return { results, scope, subjectId, searched, subjects, embedded, isTruncated, topK, ...embeddings }
  } finally {
    near?.end()
  }
}

/** What the policy of the tenant says where a request says nothing. */
function withDefaults(asked: SearchRequest, defaults: PolicyDocument['retrieval']): CompleteRequest {
  const { fallback, top_k, min_score, include_summarised, min_trust } = defaults
  const request = {
    ...asked,
    fallback: asked.fallback ?? fallback,
    top_k: asked.top_k ?? top_k,
    min_score: asked.min_score ?? min_score,
    include_summarised: asked.include_summarised ?? include_summarised,
  }
  if (min_trust === null || asked.filters?.min_trust !== undefined) return request
  return { ...request, filters: { ...asked.filters, min_trust } }
}

/** Nothing where embeddings are off or do not weigh. */
async function beginNear(
  { embeddings }: MemoryDeps,
  { tenantId }: Caller,
  { query = '', weights = {} }: SearchRequest,
  defaults: RankingPolicy,
): Promise<NearSearch | undefined> {
  if (embeddings === undefined || (weights.embedding ?? defaults.weights.embedding) === 0) return undefined
  return (await embeddings.begin(tenantId, query)) ?? undefined
}

function idsOf(results: readonly OpenedMemory[]): string[] {
  return results.map(({ id }) => id)
}

/** Memories of archived threads are left out of what was not asked for by the name of the thread. */
async function findShown(deps: MemoryDeps, plan: SearchPlan, scope: SearchScope): Promise<Found> {
  const found = await findInScope(deps, plan, scope)
  const isAskedFor = plan.request.include_archived === true || scope === 'thread'
  if (isAskedFor || !found.results.some(({ isArchived }) => isArchived)) return found
  const archived = await readArchivedThreads(deps, plan.caller, isOfAllSubjects(scope) ? undefined : plan.subjectId)
  const again = await findInScope(deps, { ...plan, archived }, scope)
  return { ...again, results: again.results.filter(({ isArchived }) => !isArchived) }
}

async function findInScope(deps: MemoryDeps, plan: SearchPlan, scope: SearchScope): Promise<Found> {
  const held = await answerAsHeld(deps, plan, scope)
  if (held !== null) return { ...held, scope, results: aboveLeast(plan, held.results) }
  const ranked = await rankScope(deps, plan, scope)
  return { ...ranked, scope, results: aboveLeast(plan, await openBest(deps, plan, ranked.best)) }
}

function aboveLeast({ request: { min_score: least } }: SearchPlan, results: readonly OpenedMemory[]) {
  return least === 0 ? results : results.filter(({ score }) => score >= least)
}

/** Tries the scope, then those to fall back to while nothing is found. */
async function findInScopes(
  deps: MemoryDeps,
  plan: SearchPlan,
  [scope, ...rest]: readonly SearchScope[],
): Promise<Found> {
  if (scope === undefined) throw new RangeError('a search without a scope')
  const found = await findShown(deps, plan, scope)
  return found.results.length > 0 || rest.length === 0 ? found : findInScopes(deps, plan, rest)
}

function isCut({ isCut: hasMoreSubjects, best, results }: Found, { request, limit }: SearchPlan): boolean {
  const isTextCut = limit > request.top_k && best.length === limit && results.length < request.top_k
  return hasMoreSubjects || isTextCut
}
