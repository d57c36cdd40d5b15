import type { Tier } from '@memoric/contracts/memory-contract.ts'
import type { PolicyReport } from '@memoric/contracts/policy-contract.ts'

/** Counts of a report that a step adds to. */
export type Counts = Partial<Record<CountName, number>>
export type CountName = {
  [K in keyof PolicyReport]: PolicyReport[K] extends number ? K : never
}[keyof PolicyReport]

export const EMPTY_REPORT: PolicyReport = {
  subjects: 0,
  memories: 0,
  moved: [],
  promoted: 0,
  evicted: 0,
  deleted: 0,
  trimmed: 0,
  summaries: 0,
  summarised: 0,
  reflections: 0,
  principles: 0,
  withdrawn: 0,
  fallbacks: 0,
  versions_dropped: 0,
  spared: 0,
  failed: 0,
  complete: false,
}

export function addCounts(report: PolicyReport, counts: Counts): PolicyReport {
  const sums = Object.entries(counts).map(([name, count]) => [name, report[name as CountName] + count])
  return { ...report, ...(Object.fromEntries(sums) as Counts) }
}

/** Memories that moved for their age. */
export function addMoves(report: PolicyReport, from: Tier, to: Tier, memories: number): PolicyReport {
  if (memories === 0) return report
  const known = report.moved.find((move) => move.from === from && move.to === to)
  const others = report.moved.filter((move) => move !== known)
  return { ...report, moved: [...others, { from, to, memories: (known?.memories ?? 0) + memories }] }
}
