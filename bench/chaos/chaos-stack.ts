import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Credentials } from '@memoric/local/credentials.ts'
import { readCredentials } from '@memoric/local/demo-credentials.ts'
import { freePort } from '@memoric/local/free-port.ts'
import { type Home, homeAt } from '@memoric/local/home.ts'
import { operatorEnvironment } from '@memoric/local/operator-environment.ts'
import { readRunning } from '@memoric/local/process-record.ts'
import { startStack } from '@memoric/local/stack.ts'
import { appMain } from '@memoric/local/start-app.ts'
import { waitReady } from '@memoric/local/wait-ready.ts'

/** Who is killed. The relay of events lives in each of auth, memory and audit. */
export const VICTIMS = ['audit', 'memory', 'gateway', 'auth', 'nats', 'postgres'] as const
export type Victim = (typeof VICTIMS)[number]

/** What `npm start` starts, in a temporary home, to be killed. */
export interface ChaosStack {
  readonly url: string
  readonly credentials: Credentials
  /** Ends a process with SIGKILL; the supervisor starts it again. Resolves with its process id. */
  readonly kill: (victim: Victim) => Promise<number>
  /** Resolves when another process than `before` runs as this, and everything is ready. */
  readonly isBack: (victim: Victim, before: number) => Promise<void>
  /** Lets nobody start this again until the function that it gives is called. */
  readonly hold: (victim: Victim) => () => void
  /** The environment of the operator's commands on the log. */
  readonly auditEnvironment: () => Promise<Record<string, string>>
}

export interface ChaosSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly say: (line: string) => void
  readonly signal: AbortSignal
  /** Takes what has to be undone at the end, newest first. */
  readonly undo: (step: () => Promise<void>) => void
}

const RESTART_MS = 100
const PATIENCE_MS = 90_000
const programs = fileURLToPath(new URL('../../node_modules/.cache/memoric-testkit', import.meta.url))

const noLimits = {
  RATE_LIMIT_ANONYMOUS_MAX: '1000000',
  RATE_LIMIT_AUTH_MAX: '1000000',
  RATE_LIMIT_MAX: '10000000',
  RATE_LIMIT_WRITE_MAX: '10000000',
  RATE_LIMIT_TENANT_MAX: '1000000000',
}

export async function startChaosStack({ environment, say, signal, undo }: ChaosSurroundings): Promise<ChaosStack> {
  const folder = await mkdtemp(join(tmpdir(), 'memoric-chaos-'))
  undo(() => rm(folder, { recursive: true, force: true }))
  const home = { ...homeAt(folder), programs }
  const holds = new Map<string, Promise<void>>()
  const beforeRestart = async (name: string) => {
    await sleep(RESTART_MS, undefined, { signal }).catch(() => undefined)
    await holds.get(name)
  }
  const user = { ...environment, ...noLimits }
  const port = await freePort()
  const url = await startStack({ home, port, appMain, user, say: () => undefined, signal, beforeRestart }, undo)
  say(`Everything runs at ${url}`)
  return {
    url,
    credentials: await readCredentials(home.credentials),
    async kill(victim) {
      // It may be between two starts.
      let pid = await pidOf(home, victim)
      for (; pid === undefined; pid = await pidOf(home, victim)) await sleep(20, undefined, { signal })
      process.kill(pid, 'SIGKILL')
      return pid
    },
    isBack: (victim, before) => isBack(home, url, victim, before, signal),
    hold(victim) {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      holds.set(victim, promise.then())
      return () => {
        holds.delete(victim)
        resolve(undefined)
      }
    },
    auditEnvironment: () => operatorEnvironment('audit', home, environment),
  }
}

async function isBack(home: Home, url: string, victim: Victim, before: number, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  for (let pid = await pidOf(home, victim); pid === undefined || pid === before; pid = await pidOf(home, victim)) {
    if (performance.now() > deadline) throw new Error(`${victim} was not started again`)
    await sleep(25, undefined, { signal })
  }
  await waitReady({ url: `${url}/ready`, patience: PATIENCE_MS, signal })
}

async function pidOf(home: Home, name: Victim): Promise<number | undefined> {
  return (await readRunning(join(home.processes, `${name}.json`)))?.pid
}
