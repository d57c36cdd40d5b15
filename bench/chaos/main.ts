import { parseOptions } from './options.ts'
import { chaosTable } from './report.ts'
import { runChaos } from './run-chaos.ts'

const stopRequested = new AbortController()
const undoing: (() => Promise<void>)[] = []

/** What is going on goes beside the tables, which may be piped into a file. */
function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  const undo = (step: () => Promise<void>) => void undoing.push(step)
  const report = await runChaos(options, { environment: process.env, say, signal: stopRequested.signal, undo })
  process.stdout.write(`${chaosTable(report)}\n`)
  if (report.findings.some(({ holds }) => !holds)) process.exitCode = 1
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
for (const step of undoing.reverse()) await step().catch((error: unknown) => say(messageOf(error)))
process.exit()
