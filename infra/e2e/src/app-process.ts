import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { AppName } from '@memoric/contracts/route.ts'
import type { RunningApp } from './start-app.ts'
import type { Environment } from './stack-settings.ts'

/** An app in a process of its own, as it runs in production. */
export interface AppProcess extends RunningApp {
  readonly pid: number
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>
}

const PATIENCE_MS = 20_000

/** Starts `node apps/<app>/src/main.ts` and waits until it answers. Rejects with what it printed when it ends instead. */
export async function startAppProcess(app: AppName, environment: Environment): Promise<AppProcess> {
  const main = fileURLToPath(new URL(`../../../apps/${app}/src/main.ts`, import.meta.url))
  const child = spawn(process.execPath, [main], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk.toString()))
  await becomesAlive(child, `http://127.0.0.1:${environment['PORT']}/health`, output)
  return { pid: child.pid ?? 0, kill: () => end(child, 'SIGKILL'), stop: () => end(child, 'SIGTERM') }
}

async function becomesAlive(child: ChildProcess, url: string, output: readonly string[]): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await isAlive(url))) {
    if (hasEnded(child) || performance.now() > deadline) {
      await end(child, 'SIGKILL')
      throw new Error(`the app does not start:\n${output.join('')}`)
    }
    await sleep(25)
  }
}

function isAlive(url: string): Promise<boolean> {
  return fetch(url).then(
    async (answer) => {
      await answer.body?.cancel()
      return answer.ok
    },
    () => false,
  )
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasEnded(child)) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}
