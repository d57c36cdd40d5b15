import { type LoadOptions, type LoadResult, runClosedLoop } from '../load/closed-loop.ts'
import type { BackgroundWork } from './background-work.ts'
import type { CpuMeter } from './cpu-meter.ts'
import { type Measurement, quantile } from './measurement.ts'

export interface MeasuredLoad extends LoadOptions {
  /** Who pays for it. */
  readonly meter: CpuMeter
  readonly background: BackgroundWork
  /** Events that one request leaves in the audit log. */
  readonly events: number
  /** Operations in one request: memories of a batch. */
  readonly operations: number
}

/** Runs a load, waits for the work behind it, and tells what both cost together. */
export async function measureLoad(load: MeasuredLoad): Promise<Measurement> {
  const { meter, background } = load
  const size = await background.logSize()
  const [begin, before] = [performance.now(), await meter.read()]
  const result = await runClosedLoop(load)
  const missing = await background.settle(size + (result.requests - result.errors) * load.events)
  const after = await meter.read()
  const idle = (meter.idleRate() * (performance.now() - begin)) / 1000
  const spent = before === undefined || after === undefined ? undefined : Math.max(0, after - before - idle)
  return toMeasurement(load, result, missing, spent)
}

function toMeasurement(
  load: MeasuredLoad,
  { requests, errors, firstError, elapsed, latencies }: LoadResult,
  missing: number,
  spent: number | undefined,
): Measurement {
  const operations = (requests - errors) * load.operations
  return {
    rate: (operations / elapsed) * 1000,
    p50: quantile(latencies, 0.5),
    p95: quantile(latencies, 0.95),
    p99: quantile(latencies, 0.99),
    cpu: spent === undefined ? undefined : spent / operations,
    operations,
    errors: errors + missing,
    firstError: firstError ?? (missing > 0 ? `${missing} events did not reach the audit log` : undefined),
  }
}
