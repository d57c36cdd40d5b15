import { createHash } from 'node:crypto'
import { TIERS, type Tier } from '@memoric/contracts/memory-contract.ts'
import { SUMMARISED } from './segment-format.ts'

/** Names that are remembered with their numbers, of all tenants. */
const MOST_NAMES = 10_000

const known = new Map<string, number>()

/** The number that stands for a tier in segments: 32 bits of which SUMMARISED is free. A policy has no two tiers with the same. */
export function tierNumber(name: Tier): number {
  const usual = TIERS.findIndex((tier) => tier === name)
  if (usual !== -1) return usual
  const found = known.get(name)
  if (found !== undefined) return found
  const number = numberOf(name)
  if (known.size >= MOST_NAMES) known.clear()
  known.set(name, number)
  return number
}

/** Above the numbers of the usual tiers. */
function numberOf(name: Tier): number {
  const hash = createHash('sha256').update(name).digest().readUInt32BE()
  return (Math.floor(hash / (2 * SUMMARISED)) || 1) * 2 * SUMMARISED
}
