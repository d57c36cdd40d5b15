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

/** `hasSources` says whether anything of the tenant stands behind a summary or a merged memory. */
export function createPolicy(version: number, document: PolicyDocument, hasSources = version > 0): Policy {
  const ranking = rankingOf(document, hasSources)
  const isPromotedByRecalls = document.promotion.some((rule) => rule.min_recalls !== undefined)
  const isEvictedByUse = document.tiers.some(
    ({ capacity }) => capacity?.evict === 'lru' || capacity?.evict === 'weakest',
  )
  return { version, document, ranking, countsRecalls: isPromotedByRecalls || isEvictedByUse }
}

export const NO_POLICY = createPolicy(0, DEFAULT_POLICY_DOCUMENT)
/** The same of a tenant that has merged memories. */
export const NO_POLICY_WITH_SOURCES = createPolicy(0, DEFAULT_POLICY_DOCUMENT, true)
