import type { Tier } from '@memoric/contracts/memory-contract.ts'
import type { PolicyDocument, TierPolicy } from '@memoric/contracts/policy-contract.ts'
import { DAY_MS } from '../search/recency.ts'
import { scoreOf } from './memory-score.ts'
import type { Policy } from './policy.ts'

/** What of a memory decides where a policy wants it. */
export interface JudgedMemory {
  readonly tier: Tier
  readonly importance: number
  readonly seen_count: number
  readonly recalls: number
  readonly occurred_at: Date
  readonly created_at: Date
  readonly expires_at: Date | null
}

type JudgingPolicy = Pick<Policy, 'document' | 'ranking'>

/** Where a memory belongs now. */
export interface Verdict {
  readonly tier: Tier
  /** How much of the way was for its use; the rest is for its age. */
  readonly isPromoted: boolean
  /** Whether it was in a tier that the policy has no more. */
  readonly isTaken: boolean
  readonly isDeleted: boolean
  /** Whether the end of its time came from a tier that it leaves. */
  readonly losesExpiry: boolean
}

/**
 * What the policy wants of a memory: first the tier that took its own takes it, then it is promoted for its use, then it goes on from
 * tier to tier as far as its age takes it. The age is that of what happened; when the policy ran last does not matter. What is in a tier
 * that the policy does not know stays there.
 */
export function judgeMemory({ document, ranking }: JudgingPolicy, memory: JudgedMemory, now: Date): Verdict {
  const here = document.tiers.find(({ takes }) => takes.includes(memory.tier))?.name ?? memory.tier
  const score = () => {
    const { importance, seen_count: seenCount, occurred_at: occurredAt } = memory
    return scoreOf(ranking, { importance, seenCount, occurredAt }, now.getTime())
  }
  const promoted = promote(document, { ...memory, tier: here }, score)
  const age = ageOf(document, memory, now)
  let at = document.tiers.findIndex(({ name }) => name === promoted)
  for (let tier = document.tiers[at]; tier !== undefined && isOver(tier, age); tier = document.tiers[at]) {
    if (tier.on_expiry === 'delete') return { ...verdict(document, memory, tier.name), isDeleted: true }
    const next = document.tiers[at + 1]
    if (next === undefined) break
    at += 1
  }
  return { ...verdict(document, memory, document.tiers[at]?.name ?? promoted), isPromoted: promoted !== here }
}

function verdict(document: PolicyDocument, memory: JudgedMemory, tier: Tier): Verdict {
  const losesExpiry = tier !== memory.tier && hasExpiryOfTier(document, memory)
  return {
    tier,
    isPromoted: false,
    isTaken: document.tiers.some(({ takes }) => takes.includes(memory.tier)),
    isDeleted: false,
    losesExpiry,
  }
}

function promote(
  { promotion }: PolicyDocument,
  { tier, seen_count, recalls }: JudgedMemory,
  score: () => number,
): Tier {
  const rule = promotion.find(({ from, min_seen_count = 0, min_recalls = 0, min_score = 0 }) => {
    const isUsed = seen_count >= min_seen_count && recalls >= min_recalls
    return from.includes(tier) && isUsed && (min_score === 0 || score() >= min_score)
  })
  return rule?.to ?? tier
}

/** Days. What is to happen in the future is new. */
export function ageOf(
  { age_from }: Pick<PolicyDocument, 'age_from'>,
  memory: Pick<JudgedMemory, 'occurred_at' | 'created_at'>,
  now: Date,
): number {
  return Math.max(0, now.getTime() - memory[age_from].getTime()) / DAY_MS
}

function isOver({ expiry_days }: TierPolicy, age: number): boolean {
  return expiry_days !== null && age >= expiry_days
}

/** Whether the memory ends when the tier that it is in lets what is written into it end. */
export function hasExpiryOfTier({ tiers }: PolicyDocument, { tier, created_at, expires_at }: JudgedMemory): boolean {
  const ttl = tiers.find(({ name }) => name === tier)?.ttl_seconds ?? null
  return ttl !== null && expires_at?.getTime() === created_at.getTime() + ttl * 1000
}
