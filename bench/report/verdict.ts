import type { Measurement } from '../measure/measurement.ts'
import type { Budget } from '../rows/row.ts'

/** One part of a budget: what it says and whether the row keeps it; undefined when it could not be measured. */
export interface Verdict {
  readonly text: string
  readonly kept: boolean | undefined
}

/** CPU-ms divided by those of the baseline. */
export function ratioOf(ours: Measurement, baseline: Measurement | undefined): number | undefined {
  return ours.cpu === undefined || baseline?.cpu === undefined ? undefined : ours.cpu / baseline.cpu
}

/** CPU-ms beyond those of the baseline. */
export function overheadOf(ours: Measurement, baseline: Measurement | undefined): number | undefined {
  return ours.cpu === undefined || baseline?.cpu === undefined ? undefined : ours.cpu - baseline.cpu
}

/** ms of the median beyond that of the baseline. */
export function delayOf(ours: Measurement, baseline: Measurement | undefined): number | undefined {
  return baseline === undefined ? undefined : ours.p50 - baseline.p50
}

/** Holds a row against each part of its budget. */
export function judge(budget: Budget, ours: Measurement, baseline: Measurement | undefined): Verdict[] {
  const most: [string, number | undefined, number | undefined][] = [
    ['CPU', ours.cpu, budget.cpu],
    ['ratio', ratioOf(ours, baseline), budget.ratio],
    ['overhead', overheadOf(ours, baseline), budget.overhead],
    ['delay', delayOf(ours, baseline), budget.delay],
    ['p50', ours.p50, budget.p50],
    ['p95', ours.p95, budget.p95],
    ['p99', ours.p99, budget.p99],
  ]
  const verdicts = most.flatMap(([name, value, limit]) =>
    limit === undefined ? [] : { text: `${name} <= ${limit}`, kept: value === undefined ? undefined : value <= limit },
  )
  if (budget.rate === undefined) return verdicts
  return [...verdicts, { text: `rate >= ${budget.rate}`, kept: ours.rate >= budget.rate }]
}
