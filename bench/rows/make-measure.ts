import { createTexts } from '../fixtures/texts.ts'
import type { BenchRequest } from '../load/closed-loop.ts'
import { measureLoad } from '../measure/measure-load.ts'
import type { Bench } from './bench.ts'
import type { Measure } from './row.ts'

export interface Load {
  readonly connections: number
  readonly next: (connection: number) => BenchRequest
  readonly accept?: (body: string) => boolean
  /** Operations in a request; 1 when left out. */
  readonly operations?: number
}

/** Measures requests to a service of the stack; each operation leaves one event in the audit log. */
export function stackMeasure(bench: Bench, load: Load, url = bench.stack.url): Measure {
  const { background, signal } = bench
  const operations = load.operations ?? 1
  const fixed = { ...load, url, meter: bench.meters.stack, background, events: operations, operations, signal }
  return (duration) => measureLoad({ ...fixed, duration })
}

/** Measures requests to the baseline. */
export function baselineMeasure(bench: Bench, load: Load): Measure {
  const { background, signal } = bench
  const operations = load.operations ?? 1
  const { url } = bench.baseline
  const fixed = { ...load, url, meter: bench.meters.baseline, background, events: 0, operations, signal }
  return (duration) => measureLoad({ ...fixed, duration })
}

/** Texts that no other call gives. */
export function newTexts(): ReturnType<typeof createTexts> {
  seed += 1
  return createTexts(seed)
}

let seed = 1_000_000

export function apiKeyOf({ stack }: Bench): Record<string, string> {
  return { 'x-api-key': stack.credentials.api_key }
}
