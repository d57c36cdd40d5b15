import {
  type CreateMemory,
  type EnrichedField,
  IMPORTANCE_LEVELS,
  type Tier,
} from '@memoric/contracts/memory-contract.ts'
import type { WriteConditions } from '@memoric/contracts/policy-contract.ts'
import { leftBy } from '../enrichment/enrichment-state.ts'
import { foldLabel } from '../search/index-document.ts'
import { DAY_MS } from '../search/recency.ts'
import { scoreOf } from './memory-score.ts'
import type { Policy } from './policy.ts'

type Range = NonNullable<WriteConditions['length']>

/** A new memory as the policy wants it. */
export interface RoutedMemory extends CreateMemory {
  /** Fields that enrichment may add, where that is on. */
  readonly left?: readonly EnrichedField[]
}

/**
 * A new memory with the tier and the end of its time that the policy gives it where the caller named none, and with what the caller
 * left to enrichment.
 */
export function routeMemory(policy: Policy, input: CreateMemory, now: Date): RoutedMemory {
  const tier = input.tier ?? tierFor(policy, input, now)
  const ttl = policy.document.tiers.find(({ name }) => name === tier)?.ttl_seconds ?? null
  const isEnriched = policy.document.enrichment.mode !== 'off'
  return {
    ...input,
    tier,
    ...(input.ttl_seconds === undefined && ttl !== null && { ttl_seconds: ttl }),
    ...(isEnriched && { left: leftBy(input) }),
  }
}

function tierFor(policy: Policy, input: CreateMemory, now: Date): Tier {
  const rule = policy.document.routing.find(({ when }) => fits(policy, when, input, now))
  return rule?.to ?? policy.document.default_tier
}

function fits({ ranking }: Policy, when: WriteConditions, input: CreateMemory, now: Date): boolean {
  const importance = input.importance ?? IMPORTANCE_LEVELS.medium
  const occurredAt = input.occurred_at === undefined ? now : new Date(input.occurred_at)
  const age = () => Math.max(0, now.getTime() - occurredAt.getTime()) / DAY_MS
  const score = () => scoreOf(ranking, { importance, seenCount: 1, occurredAt }, now.getTime())
  return (
    isWithin(when.importance, () => importance) &&
    isWithin(when.length, () => Array.from(input.content).length) &&
    isWithin(when.age_days, age) &&
    isWithin(when.score, score) &&
    hasOne(when.role, [input.role]) &&
    hasOne(when.topic, [input.topic]) &&
    hasOne(when.category, [input.category]) &&
    hasOne(when.tags, input.tags ?? [])
  )
}

function isWithin(range: Range | undefined, read: () => number): boolean {
  if (range === undefined) return true
  const value = read()
  return value >= (range.at_least ?? -Infinity) && value < (range.below ?? Infinity)
}

/** Labels are compared without regard to case, as in a search. */
function hasOne(wanted: readonly string[] | undefined, labels: readonly (string | undefined)[]): boolean {
  if (wanted === undefined) return true
  const folded = new Set(wanted.map(foldLabel))
  return labels.some((label) => label !== undefined && folded.has(foldLabel(label)))
}
