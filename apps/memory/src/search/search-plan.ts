import type { Caller } from '@memoric/contracts/caller.ts'
import type { SearchRequest } from '@memoric/contracts/search-contract.ts'
import type { ArchivedThreads } from './archived-threads.ts'
import type { NearSearch } from '../embeddings/embeddings.ts'
import type { Query } from './parse-query.ts'
import type { RankingPolicy } from './ranking-policy.ts'

/** A request in which the policy of the tenant has filled in what was left out. */
export interface CompleteRequest extends SearchRequest {
  readonly top_k: number
  readonly min_score: number
  readonly include_summarised: boolean
}

/** A search as it is carried out in each of its scopes. */
export interface SearchPlan {
  readonly caller: Caller
  readonly request: CompleteRequest
  readonly query: Query
  readonly policy: RankingPolicy
  /** Vectors to compare memories with, if they are to be found by what they mean. */
  readonly near?: NearSearch | undefined
  /** Whose memories scopes of one subject are about. */
  readonly subjectId: string
  /** How many memories are ranked: more than asked for when their texts decide. */
  readonly limit: number
  /** Threads that are not looked at, by subject. */
  readonly archived?: ArchivedThreads
  /** ms since the epoch */
  readonly now: number
}
