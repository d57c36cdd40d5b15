import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { parseOptions } from './options.ts'
import { memoryTable } from './report/memory-table.ts'
import { resultTable } from './report/table.ts'
import { jsonReport } from './report/json-report.ts'
import { selectPlans } from './rows/plans.ts'
import { type BenchRun, runBench } from './run-bench.ts'

const stopRequested = new AbortController()
const undoing: (() => Promise<void>)[] = []

/** What is going on goes beside the table, which may be piped into a file. */
function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  const plans = selectPlans(options.only)
  const environment = process.env
  const undo = (step: () => Promise<void>) => void undoing.push(step)
  const run = await runBench(plans, options, { environment, say, signal: stopRequested.signal, undo })
  print(run)
  if (options.json !== undefined) await writeFile(options.json, jsonReport(run))
  if (run.results.some(({ ours, baseline }) => ours.errors + (baseline?.errors ?? 0) > 0)) process.exitCode = 1
}

function print({ results, memory, idleRate }: BenchRun): void {
  const machine = `Node ${process.versions.node}, ${process.platform} ${process.arch}, ${availableParallelism()} cores`
  const idle = `The idle stack takes ${idleRate.toFixed(1)} CPU-ms a second, which the table leaves out.`
  const failures = results.flatMap(({ row, ours, baseline }) =>
    [ours.firstError, baseline?.firstError].flatMap((error) => (error === undefined ? [] : `${row.title}: ${error}`)),
  )
  process.stdout.write(
    ['', machine, '', resultTable(results), '', memoryTable(memory), '', idle, ...failures, ''].join('\n'),
  )
}

async function undoAll(): Promise<void> {
  for (const step of undoing.reverse()) await step().catch((error: unknown) => say(messageOf(error)))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopRequested.abort())
try {
  await main()
} catch (error) {
  process.exitCode = stopRequested.signal.aborted ? 130 : 1
  if (!stopRequested.signal.aborted) say(messageOf(error))
}
await undoAll()
process.exit()
