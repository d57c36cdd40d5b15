import type { Tier } from '@memoric/contracts/memory-contract.ts'
import type { PolicyDocument, TierPolicy } from '@memoric/contracts/policy-contract.ts'
import { DAY_MS } from '../search/recency.ts'

/** What of a memory decides where a policy wants it. */
export interface JudgedMemory {
  readonly tier: Tier
  readonly seen_count: number
  readonly recalls: number
  readonly occurred_at: Date
  readonly created_at: Date
  readonly expires_at: Date | null
}

/** Where a memory belongs now. */
export interface Verdict {
  readonly tier: Tier
  /** How much of the way was for its use; the rest is for its age. */
  readonly isPromoted: boolean
  readonly isDeleted: boolean
  /** Whether the end of its time came from a tier that it leaves. */
  readonly losesExpiry: boolean
}

/**
 * What the policy wants of a memory: first it is promoted for its use, then it goes on from tier to tier as far as its age takes it. The
 * age is that of what happened; when the policy ran last does not matter.
 */
export function judgeMemory(document: PolicyDocument, memory: JudgedMemory, now: Date): Verdict {
  const promoted = promote(document, memory)
  const age = ageOf(document, memory, now)
  let at = document.tiers.findIndex(({ name }) => name === promoted)
  for (let tier = document.tiers[at]; tier !== undefined && isOver(tier, age); tier = document.tiers[at]) {
    if (tier.on_expiry === 'delete') return { ...verdict(document, memory, tier.name), isDeleted: true }
    const next = document.tiers[at + 1]
    if (next === undefined) break
    at += 1
  }
  return { ...verdict(document, memory, document.tiers[at]?.name ?? promoted), isPromoted: promoted !== memory.tier }
}

function verdict(document: PolicyDocument, memory: JudgedMemory, tier: Tier): Verdict {
  const losesExpiry = tier !== memory.tier && hasExpiryOfTier(document, memory)
  return { tier, isPromoted: false, isDeleted: false, losesExpiry }
}

function promote({ promotion }: PolicyDocument, { tier, seen_count, recalls }: JudgedMemory): Tier {
  const rule = promotion.find(({ from, min_seen_count = 0, min_recalls = 0 }) => {
    return from.includes(tier) && seen_count >= min_seen_count && recalls >= min_recalls
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
