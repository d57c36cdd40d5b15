import { setInterval } from 'node:timers'
import { fileURLToPath } from 'node:url'
import { isPort } from './choose-ports.ts'
import { greeting } from './greeting.ts'
import { homeAt } from './home.ts'
import { trimLogs } from './log-file.ts'
import { appMain } from './start-app.ts'
import { startStack } from './stack.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))
const stopRequested = new AbortController()
const undoing: (() => Promise<void>)[] = []

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** A terminal, npm and the bootstrap may each pass on the same signal, and a bootstrap that was killed passes on none. */
function watchSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopRequested.abort())
  process.on('disconnect', () => stopRequested.abort())
  process.stdout.on('error', () => stopRequested.abort())
}

async function undoAll(): Promise<void> {
  for (const step of undoing.reverse()) {
    await step().catch((error: unknown) => say(error instanceof Error ? error.message : String(error)))
  }
}

function requested(): Promise<void> {
  return new Promise((resolve) => {
    if (stopRequested.signal.aborted) resolve()
    stopRequested.signal.addEventListener('abort', () => resolve())
  })
}

async function main(): Promise<void> {
  const port = Number(process.env.PORT ?? 3456)
  if (!isPort(port)) throw new Error('PORT must be a number between 1 and 65535.')
  const home = homeAt(process.env.MEMORIC_HOME ?? `${repository}.memoric`)
  const options = { home, port, appMain, user: process.env, say, signal: stopRequested.signal }
  const url = await startStack(options, (step) => undoing.push(step))
  say(greeting(url, home, process.cwd()))
  setInterval(() => void trimLogs(home.logs).catch(() => undefined), 60_000).unref()
  await requested()
  say('\nStopping')
}

watchSignals()
try {
  await main()
} catch (error) {
  if (!stopRequested.signal.aborted) {
    process.exitCode = 1
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`)
  }
}
await undoAll()
process.exit()
