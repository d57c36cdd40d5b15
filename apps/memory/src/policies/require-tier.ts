import { TIERS, type Tier } from '@memoric/contracts/memory-contract.ts'
import type { PolicyDocument } from '@memoric/contracts/policy-contract.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { MemoryDeps } from '../memory-deps.ts'

type Tiered = Pick<PolicyDocument, 'tiers'>
type TierDeps = Pick<MemoryDeps, 'policies'>

/** Throws AppError `rule_violated` for a tier that the policy does not have. */
export function requireTier({ tiers }: Tiered, tier: Tier | undefined, pointer: string): void {
  const names = tiers.map(({ name }) => name)
  if (tier !== undefined && !names.includes(tier)) throw unknownTier(names, pointer)
}

/** The same for a memory that a caller writes. */
export async function requireTierToWrite(deps: TierDeps, tenantId: string, tier: Tier | undefined): Promise<void> {
  if (tier === undefined) return
  const { document } = await deps.policies.of(tenantId)
  requireTier(document, tier, '/tier')
}

/** The same for a tier by which memories are looked for: they may still be in those that others have taken, and in the usual ones. */
export async function requireTierToRead(
  deps: TierDeps,
  tenantId: string,
  tier: Tier | undefined,
  pointer: string,
): Promise<void> {
  if (tier === undefined) return
  const { document } = await deps.policies.of(tenantId)
  const names = tierNames(document)
  if (!names.includes(tier)) throw unknownTier(names, pointer)
}

/** Every tier in which memories are to be expected: those of the policy in their order, then the others. */
export function tierNames({ tiers }: Tiered): Tier[] {
  return [...new Set<Tier>([...tiers.map(({ name }) => name), ...tiers.flatMap(({ takes }) => takes), ...TIERS])]
}

function unknownTier(names: readonly Tier[], pointer: string): AppError {
  return new AppError('rule_violated', { errors: [{ pointer, message: `must be one of ${names.join(', ')}` }] })
}
