import { type Measurement, summarise } from '../measure/measurement.ts'
import type { Row } from './row.ts'

export interface RowResult {
  readonly row: Row
  /** Medians of the repetitions. */
  readonly ours: Measurement
  readonly baseline: Measurement | undefined
}

export interface RunOptions {
  /** Of one measurement, ms. */
  readonly duration: number
  readonly repetitions: number
  readonly signal: AbortSignal
}

/** V8 compiles what runs often: figures taken earlier are those of a service that was just started. */
const WARM_UP_MS = 12_000

/** Measures a row and its baseline in turn, so that both meet the same noise of the machine. */
export async function runRow(row: Row, { duration, repetitions, signal }: RunOptions): Promise<RowResult> {
  if (row.warmUp) {
    await row.measure(WARM_UP_MS, -1)
    await row.baseline?.measure(WARM_UP_MS, -1)
  }
  const ours: Measurement[] = []
  const baseline: Measurement[] = []
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    signal.throwIfAborted()
    ours.push(await row.measure(duration, repetition))
    if (row.baseline !== undefined) baseline.push(await row.baseline.measure(duration, repetition))
  }
  return { row, ours: summarise(ours), baseline: baseline.length === 0 ? undefined : summarise(baseline) }
}
