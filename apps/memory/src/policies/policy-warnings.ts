import type { PolicyDocument, PromotionRule, WriteConditions, WriteRule } from '@memoric/contracts/policy-contract.ts'
import { foldLabel } from '../search/index-document.ts'

export interface PolicyWarning {
  /** JSON pointer into the policy. */
  readonly pointer: string
  readonly message: string
}

const RANGES = ['importance', 'score', 'length', 'age_days'] as const
const LABELS = ['role', 'topic', 'category', 'tags'] as const

/** The most that a range can be about; what begins above fits nothing. */
const MOST: Readonly<Record<(typeof RANGES)[number], number>> = {
  importance: 1,
  score: 1,
  length: 32_768,
  age_days: Infinity,
}

/** What a policy says and cannot mean. */
export function warningsOf(document: PolicyDocument): PolicyWarning[] {
  return [...routingWarnings(document.routing), ...promotionWarnings(document.promotion), ...tierWarnings(document)]
}

function routingWarnings(rules: readonly WriteRule[]): PolicyWarning[] {
  return rules.flatMap(({ when }, at) => {
    const pointer = `/routing/${at}`
    const impossible = RANGES.find((name) => (when[name]?.at_least ?? 0) > MOST[name])
    if (impossible !== undefined) return [{ pointer: `${pointer}/when/${impossible}`, message: 'nothing can be so' }]
    const earlier = rules.slice(0, at).findIndex((rule) => covers(rule.when, when))
    if (earlier === -1) return []
    return [{ pointer, message: `never decides: everything that fits it fits /routing/${earlier} before` }]
  })
}

function promotionWarnings(rules: readonly PromotionRule[]): PolicyWarning[] {
  return rules.flatMap((rule, at) => {
    const earlier = rules.slice(0, at).findIndex((other) => promotesAll(other, rule))
    if (earlier === -1) return []
    const message = `never decides: everything that fits it fits /promotion/${earlier} before`
    return [{ pointer: `/promotion/${at}`, message }]
  })
}

const LIMITS = ['min_seen_count', 'min_recalls', 'min_score'] as const

/** Whether everything that the rule `narrow` promotes the rule `wide` promotes. */
function promotesAll(wide: PromotionRule, narrow: PromotionRule): boolean {
  const isFromAll = narrow.from.every((tier) => wide.from.includes(tier))
  return isFromAll && LIMITS.every((limit) => (narrow[limit] ?? 0) >= (wide[limit] ?? 0))
}

/** Whether everything that fits `narrow` fits `wide`. */
function covers(wide: WriteConditions, narrow: WriteConditions): boolean {
  const inRanges = RANGES.every((name) => {
    const [outer, inner] = [wide[name], narrow[name]]
    if (outer === undefined) return true
    return (inner?.at_least ?? 0) >= (outer.at_least ?? 0) && (inner?.below ?? Infinity) <= (outer.below ?? Infinity)
  })
  return inRanges && LABELS.every((name) => isSubset(narrow[name], wide[name]))
}

function isSubset(inner: readonly string[] | undefined, outer: readonly string[] | undefined): boolean {
  if (outer === undefined) return true
  const known = new Set(outer.map(foldLabel))
  return inner !== undefined && inner.every((label) => known.has(foldLabel(label)))
}

function tierWarnings({ tiers, summarisation }: PolicyDocument): PolicyWarning[] {
  return tiers.flatMap(({ expiry_days: days, on_expiry, summarise }, at) => {
    const warnings: PolicyWarning[] = []
    const next = tiers[at + 1]?.expiry_days ?? Infinity
    if (on_expiry === 'move' && days !== null && next <= days) {
      warnings.push({
        pointer: `/tiers/${at}/expiry_days`,
        message: 'nothing stays in the next tier, which ends no later',
      })
    }
    if (summarise !== null && summarisation.summariser === 'none') {
      warnings.push({ pointer: `/tiers/${at}/summarise`, message: 'has no effect while the summariser is none' })
    }
    return warnings
  })
}
