import { markdownTable } from '../report/table.ts'

/** One figure beside what the project allows itself. */
export interface AuditRow {
  readonly what: string
  readonly seen: string
  readonly budget: string
  /** Undefined where there is no budget, or nothing to measure with. */
  readonly kept: boolean | undefined
}

export function auditTable(rows: readonly AuditRow[]): string {
  const verdict = (kept: boolean | undefined) => (kept === undefined ? '' : kept ? ' ok' : ' OVER')
  return markdownTable(
    ['what', 'measured', 'budget'],
    rows.map(({ what, seen, budget, kept }) => [what, seen, `${budget}${verdict(kept)}`]),
  )
}

/** Values of which `part` (0 to 1) are no greater than this. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}

/** The median and the end of some times, ms. */
export function spread(values: readonly number[], part: 95 | 99): string {
  return `median ${percentile(values, 0.5).toFixed(1)} ms, p${part} ${percentile(values, part / 100).toFixed(1)} ms`
}

/** How long `work` takes, each of `count` times, ms. */
export async function timesOf(count: number, work: () => Promise<unknown>): Promise<number[]> {
  const taken: number[] = []
  for (let round = 0; round < count; round += 1) {
    const begin = performance.now()
    await work()
    taken.push(performance.now() - begin)
  }
  return taken
}
