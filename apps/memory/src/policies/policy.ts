import { DEFAULT_POLICY_DOCUMENT, type PolicyDocument } from '@memoric/contracts/policy-contract.ts'
import type { RankingPolicy } from '../search/ranking-policy.ts'
import { rankingOf } from './ranking-of-policy.ts'

/** The policy of a tenant, as it is used. */
export interface Policy {
  /** 0 for the policy of a tenant that has stored none. */
  readonly version: number
  readonly document: PolicyDocument
  readonly ranking: RankingPolicy
  /** Whether anything looks at how often searches find a memory. */
  readonly countsRecalls: boolean
}

export function createPolicy(version: number, document: PolicyDocument): Policy {
  const ranking = rankingOf(document, version > 0)
  const isPromotedByRecalls = document.promotion.some((rule) => rule.min_recalls !== undefined)
  const isEvictedByUse = document.tiers.some(({ capacity }) => capacity?.evict === 'lru')
  return { version, document, ranking, countsRecalls: isPromotedByRecalls || isEvictedByUse }
}

export const NO_POLICY = createPolicy(0, DEFAULT_POLICY_DOCUMENT)
