/** One measurement, or the medians of several. `undefined`: not to be had on this system. */
export interface Measurement {
  /** Operations a second: requests, or memories for batches. */
  readonly rate: number
  /** Latencies of requests, ms. */
  readonly p50: number
  readonly p95: number
  readonly p99: number
  /** CPU time of an operation over all processes, ms. */
  readonly cpu: number | undefined
  readonly operations: number
  readonly errors: number
  readonly firstError: string | undefined
}

/** Of numbers in ascending order: the smallest that a share `q` of them does not exceed; NaN of none. */
export function quantile(ascending: readonly number[], q: number): number {
  return ascending[Math.max(0, Math.ceil(q * ascending.length) - 1)] ?? NaN
}

/** The middle one, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN
  return (lower + upper) / 2
}

/** The median of each figure; operations and errors are summed. */
export function summarise(measurements: readonly Measurement[]): Measurement {
  const of = (read: (one: Measurement) => number) => median(measurements.map(read))
  const total = (read: (one: Measurement) => number) => measurements.reduce((sum, one) => sum + read(one), 0)
  const costs = measurements.flatMap(({ cpu }) => cpu ?? [])
  return {
    rate: of((one) => one.rate),
    p50: of((one) => one.p50),
    p95: of((one) => one.p95),
    p99: of((one) => one.p99),
    cpu: costs.length === 0 ? undefined : median(costs),
    operations: total((one) => one.operations),
    errors: total((one) => one.errors),
    firstError: measurements.find(({ firstError }) => firstError !== undefined)?.firstError,
  }
}
