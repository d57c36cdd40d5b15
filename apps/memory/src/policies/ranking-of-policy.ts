import type { PolicyDocument } from '@memoric/contracts/policy-contract.ts'
import { DEFAULT_POLICY, policyFor, type RankingPolicy } from '../search/ranking-policy.ts'
import type { RankingRule } from '../search/ranking-rules.ts'

/** How searches of the tenant rank. Where nothing was ever summarised or merged, no rule is needed. */
export function rankingOf({ scoring }: PolicyDocument, hasSources: boolean): RankingPolicy {
  const { weights, rules, summarised_penalty: amount } = scoring
  const own = rules.map((rule): RankingRule => {
    if (rule.rule !== 'stale_penalty') return rule
    return { rule: 'stale_penalty', afterDays: rule.after_days, amount: rule.amount }
  })
  const ranking = policyFor({ weights }, true, DEFAULT_POLICY, true)
  const penalty: RankingRule[] = hasSources && amount > 0 ? [{ rule: 'summarised_penalty', amount }] : []
  const weightOfRules = weights.rules ?? DEFAULT_POLICY.weights.rules
  return { ...ranking, weights: { ...ranking.weights, rules: weightOfRules }, rules: [...own, ...penalty] }
}
