import type { Tier } from '@memoric/contracts/memory-contract.ts'
import type { PolicyDocument } from '@memoric/contracts/policy-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { tierNumber } from '../search/tier-number.ts'
import { tierNames } from './require-tier.ts'

/**
 * Throws AppError `rule_violated` for a policy without a tier, of those before or of the usual ones, that has memories, unless another
 * tier takes them.
 */
export async function requireNoStranded(
  tx: Tx,
  tenantId: string,
  before: PolicyDocument,
  { tiers }: PolicyDocument,
): Promise<void> {
  const kept = new Set(tiers.flatMap(({ name, takes }) => [name, ...takes]))
  const gone = tierNames(before).filter((name) => !kept.has(name))
  if (gone.length === 0) return
  const stranded = await countInTiers(tx, tenantId, gone)
  if (stranded.length === 0) return
  const errors = stranded.map(({ tier, memories }) => ({
    pointer: '/policy/tiers',
    message: `leaves out ${tier} (memories in it: ${memories}): name it in takes of another tier`,
  }))
  throw new AppError('rule_violated', { errors })
}

/** Throws AppError `rule_violated` for two tiers that an index cannot tell apart. */
export function requireDistinctTiers({ tiers }: PolicyDocument): void {
  const names = tiers.flatMap(({ name, takes }) => [name, ...takes])
  const numbers = names.map(tierNumber)
  const twin = numbers.findIndex((number, at) => numbers.indexOf(number) < at)
  if (twin === -1) return
  const message = `has the tier ${names[twin]}, which cannot be told from ${names[numbers.indexOf(numbers[twin] ?? 0)]}`
  throw new AppError('rule_violated', { errors: [{ pointer: '/policy/tiers', message }] })
}

function countInTiers(tx: Tx, tenantId: string, tiers: readonly Tier[]) {
  return tx<{ tier: Tier; memories: number }[]>`
    select tier, count(*)::int as memories from memories
    where tenant_id = ${tenantId} and tier = any (${[...tiers]}::text[])
      and (expires_at is null or expires_at > now())
    group by tier order by tier`
}
