import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { isOfAllSubjects } from '@memoric/contracts/search-contract.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { findMemories } from './find-memories.ts'
import type { RankingPolicy } from './ranking-policy.ts'

type Search = RouteTable['searchMemories']

/** Searches the memories of one subject, or of many. Throws as findMemories. */
export async function searchMemories(
  deps: MemoryDeps,
  { body, context }: Call<Search>,
  defaults?: RankingPolicy,
): Promise<RouteOutput<Search>> {
  const found = await findMemories(deps, context.caller, body, defaults)
  const { scope, subjectId, searched, subjects, isTruncated, embeddings, embedded } = found
  const results = found.results.map(({ memory, score, explanation }) => {
    return { memory, score, ...(explanation !== undefined && { explanation }) }
  })
  deps.reads.record({
    type: 'memory.searched',
    context,
    resourceId: isOfAllSubjects(scope) ? null : subjectId,
    details: { scope, searched, subjects, results: results.map(({ memory }) => memory.id) },
  })
  return {
    status: 200,
    body: {
      results,
      scope_used: scope,
      searched,
      searched_subjects: subjects,
      truncated: isTruncated,
      ...(embeddings !== undefined && { embeddings, embedded }),
    },
  }
}
