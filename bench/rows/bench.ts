import type { Baseline } from '../baseline/start-baseline.ts'
import type { BenchStack } from '../bench-stack.ts'
import type { Subjects } from '../fixtures/subjects.ts'
import type { BackgroundWork } from '../measure/background-work.ts'
import type { CpuMeter } from '../measure/cpu-meter.ts'
import type { AsGateway } from '../direct-request.ts'
import type { ColdStarts } from './cold-starts.ts'

/** What the rows measure with. */
export interface Bench {
  readonly stack: BenchStack
  readonly baseline: Baseline
  readonly background: BackgroundWork
  /** Who pays: the four apps, PostgreSQL and NATS, or the baseline's app and PostgreSQL. */
  readonly meters: { readonly stack: CpuMeter; readonly baseline: CpuMeter }
  readonly subjects: Subjects
  readonly coldStarts: ColdStarts
  /** A request to a service as the gateway would send it. */
  readonly asGateway: AsGateway
  readonly signal: AbortSignal
}
