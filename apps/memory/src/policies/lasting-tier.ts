import type { Tier } from '@memoric/contracts/memory-contract.ts'
import type { PolicyDocument } from '@memoric/contracts/policy-contract.ts'

/** Where the service puts what is to stay: in `long_term`, or in the last tier of a tenant that has named its own. */
export function lastingTier({ tiers, default_tier }: Pick<PolicyDocument, 'tiers' | 'default_tier'>): Tier {
  return tiers.find(({ name }) => name === 'long_term')?.name ?? tiers.at(-1)?.name ?? default_tier
}
