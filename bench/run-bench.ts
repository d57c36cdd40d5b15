import { setTimeout as sleep } from 'node:timers/promises'
import { tenantId } from '@memoric/contracts/ids.ts'
import { refreshStatistics } from './baseline/schema.ts'
import { startBaseline } from './baseline/start-baseline.ts'
import { startBenchStack, type BenchStack } from './bench-stack.ts'
import { createDirectRequest } from './direct-request.ts'
import { createSubjects } from './fixtures/subjects.ts'
import { type BackgroundWork, watchBackgroundWork } from './measure/background-work.ts'
import { createCpuMeter } from './measure/cpu-meter.ts'
import { readMemoryUse } from './measure/memory-use.ts'
import type { BenchOptions } from './options.ts'
import type { MemoryReadings } from './report/memory-table.ts'
import type { Bench } from './rows/bench.ts'
import { createColdStarts } from './rows/cold-starts.ts'
import type { Row, RowPlan } from './rows/row.ts'
import { type RowResult, runRow } from './rows/run-row.ts'

export interface BenchRun {
  readonly results: readonly RowResult[]
  readonly memory: MemoryReadings
  /** What the stack costs while nobody asks for anything, CPU-ms a second. */
  readonly idleRate: number
}

export interface BenchSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly say: (line: string) => void
  readonly signal: AbortSignal
  /** Takes what has to be undone at the end, newest first. */
  readonly undo: (step: () => Promise<void>) => void
}

/** After its start the stack still finishes this and that; then it is idle. */
const CALM_MS = 3000

/** Starts a stack and the baseline, measures the planned rows and gives the figures. */
export async function runBench(
  plans: readonly RowPlan[],
  options: BenchOptions,
  surroundings: BenchSurroundings,
): Promise<BenchRun> {
  const { say, signal } = surroundings
  const bench = await startAll(surroundings)
  await sleep(CALM_MS, undefined, { signal })
  const idle = await readMemoryUse(bench.stack)
  const { stack, baseline } = bench.meters
  await Promise.all([stack.learnIdle(CALM_MS), baseline.learnIdle(CALM_MS)])
  const rows: Row[] = []
  for (const plan of plans) rows.push(await plan.prepare(bench))
  const results: RowResult[] = []
  for (const row of rows) {
    say(`Measuring: ${row.title}`)
    await refreshStatistics(bench.stack.credentials.postgres_url)
    results.push(await runRow(row, { ...options, signal }))
  }
  return { results, memory: { idle, afterLoad: await readMemoryUse(bench.stack) }, idleRate: stack.idleRate() }
}

async function startAll(surroundings: BenchSurroundings): Promise<Bench> {
  const { say, signal, undo } = surroundings
  const stack = await startBenchStack(surroundings, undo)
  const { credentials } = stack
  const adminUrl = credentials.postgres_url
  say('Starting the baseline')
  const baseline = await startBaseline(adminUrl, signal)
  undo(baseline.stop)
  const background = await watchBackgroundWork(adminUrl)
  undo(background.close)
  const meters = createMeters(stack, baseline.pid, background)
  const { url } = stack
  const tenant = tenantId.parse(credentials.tenant_id)
  return {
    stack,
    baseline,
    background,
    meters,
    subjects: createSubjects({ url, apiKey: credentials.api_key, tenantId: tenant, adminUrl, say, signal }),
    coldStarts: createColdStarts({ stack, meter: meters.stack, background, signal }),
    asGateway: createDirectRequest(stack.serviceKeys, tenant),
    signal,
  }
}

function createMeters(stack: BenchStack, baselinePid: number, { backends: except }: BackgroundWork): Bench['meters'] {
  const baselineRoots = async () => [baselinePid, await stack.pidOf('postgres')]
  return {
    stack: createCpuMeter({ roots: stack.pids, except }),
    baseline: createCpuMeter({ roots: baselineRoots, except }),
  }
}
