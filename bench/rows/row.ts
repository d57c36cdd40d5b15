import type { Measurement } from '../measure/measurement.ts'
import type { Bench } from './bench.ts'

/** How long a measurement shall load the system, ms, and which repetition of the row it is; a warm-up is -1. */
export type Measure = (duration: number, repetition: number) => Promise<Measurement>

/** What this project allows itself; all at most, `rate` at least. */
export interface Budget {
  /** CPU-ms of an operation. */
  readonly cpu?: number
  /** CPU-ms of an operation divided by those of the baseline. */
  readonly ratio?: number
  /** CPU-ms of an operation beyond those of the baseline. */
  readonly overhead?: number
  /** ms of the median beyond that of the baseline. */
  readonly delay?: number
  /** ms */
  readonly p50?: number
  readonly p95?: number
  readonly p99?: number
  /** Operations a second. */
  readonly rate?: number
}

/** One line of the table. */
export interface Row {
  /** What `--only` is compared with. */
  readonly name: string
  readonly title: string
  readonly budget: Budget
  /** What an operation is, when it is not a request. */
  readonly unit?: string
  /** False for what is measured cold. */
  readonly warmUp: boolean
  readonly measure: Measure
  readonly baseline?: { readonly title: string; readonly measure: Measure }
}

/** A row that can be asked for; `prepare` makes what it needs, before anything is measured. */
export interface RowPlan {
  readonly name: string
  /** True for what takes minutes: measured only when it is named. */
  readonly onDemand?: true
  readonly prepare: (bench: Bench) => Promise<Row>
}
