import { foldLabel } from './index-document.ts'
import { namesLabel } from './named-labels.ts'
import { ageOf, DAY_MS } from './recency.ts'
import { type Segment, SUMMARISED } from './segment-format.ts'
import { findString } from './string-table.ts'

/** Something that makes memories count more or less. Amounts are 0..1. */
export type RankingRule =
  /** Memories about a topic count more. */
  | { readonly rule: 'topic_boost'; readonly topic: string; readonly amount: number }
  /** Memories of what happened longer ago count less. */
  | { readonly rule: 'stale_penalty'; readonly afterDays: number; readonly amount: number }
  /** Memories that a summary stands for count less. */
  | { readonly rule: 'summarised_penalty'; readonly amount: number }
  /** Memories with an entity that the query names count more. */
  | { readonly rule: 'entity_match'; readonly amount: number }

/** What one rule gives a document: its amount, less than 0 for a penalty, or 0. */
type AppliedRule = (document: number) => number

/** What rules give the documents of one segment. */
export interface RulesOfPart {
  /** All rules together, -1..1. */
  valueOf(document: number): number
  /** Rules that make a difference. */
  explain(document: number): { rule: RankingRule['rule']; amount: number }[]
}

export interface RuleContext {
  readonly rules: readonly RankingRule[]
  readonly words: readonly string[]
  /** ms since the epoch */
  readonly now: number
}

export function applyRules(segment: Segment, { rules, words, now }: RuleContext): RulesOfPart {
  const applied = rules.map((rule) => ({ rule: rule.rule, amountOf: apply(segment, rule, words, now) }))
  return {
    valueOf(document) {
      const sum = applied.reduce((total, { amountOf }) => total + amountOf(document), 0)
      return Math.max(-1, Math.min(1, sum))
    },
    explain(document) {
      const amounts = applied.map(({ rule, amountOf }) => ({ rule, amount: amountOf(document) }))
      return amounts.filter(({ amount }) => amount !== 0)
    },
  }
}

/** What rules give at most. */
export function mostOfRules(rules: readonly RankingRule[]): number {
  const boosts = rules.reduce((sum, { rule, amount }) => sum + (rule.endsWith('_penalty') ? 0 : amount), 0)
  return Math.min(1, boosts)
}

function apply(segment: Segment, rule: RankingRule, words: readonly string[], now: number): AppliedRule {
  if (rule.rule === 'topic_boost') return boostTopic(segment, rule.topic, rule.amount)
  if (rule.rule === 'stale_penalty') return penaliseAge(segment, rule.afterDays * DAY_MS, rule.amount, now)
  if (rule.rule === 'summarised_penalty') return penaliseSummarised(segment, rule.amount)
  return matchEntities(segment, words, rule.amount)
}

function penaliseSummarised({ numbers }: Segment, amount: number): AppliedRule {
  const { values, mask } = numbers.tier
  return (document) => (((values[document & mask] ?? 0) & SUMMARISED) !== 0 ? -amount : 0)
}

function boostTopic({ strings, numbers }: Segment, topic: string, amount: number): AppliedRule {
  const wanted = findString(strings, foldLabel(topic))
  const { values, mask } = numbers.topic
  return (document) => (wanted !== 0 && values[document & mask] === wanted ? amount : 0)
}

function penaliseAge({ times }: Segment, after: number, amount: number, now: number): AppliedRule {
  const { values, mask } = times.occurredAt
  return (document) => (ageOf(values[document & mask] ?? 0, now) > after ? -amount : 0)
}

function matchEntities(segment: Segment, words: readonly string[], amount: number): AppliedRule {
  const isNamed = namesLabel(segment, words)
  const { starts, values } = segment.lists.entities
  return (document) => {
    for (let at = starts[document] ?? 0; at < (starts[document + 1] ?? 0); at++) {
      if (isNamed(values[at] ?? 0)) return amount
    }
    return 0
  }
}
