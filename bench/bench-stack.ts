import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Credentials } from '@memoric/local/credentials.ts'
import { readCredentials } from '@memoric/local/demo-credentials.ts'
import { freePort } from '@memoric/local/free-port.ts'
import { type Home, homeAt } from '@memoric/local/home.ts'
import { readRunning } from '@memoric/local/process-record.ts'
import { startStack } from '@memoric/local/stack.ts'
import { appMain } from '@memoric/local/start-app.ts'
import { waitReady } from '@memoric/local/wait-ready.ts'

export const APPS = ['gateway', 'auth', 'memory', 'audit'] as const
const SERVERS = ['postgres', 'nats'] as const

export type ProcessName = (typeof APPS)[number] | (typeof SERVERS)[number]

/** A stack of its own in a temporary home. */
export interface BenchStack {
  readonly url: string
  readonly authUrl: string
  readonly memoryUrl: string
  readonly credentials: Credentials
  /** The key with which the gateway calls a service. */
  readonly serviceKeys: Readonly<Record<'auth' | 'memory', string>>
  readonly pidOf: (name: ProcessName) => Promise<number>
  /** All processes of the stack; what they started descends from these. */
  readonly pids: () => Promise<number[]>
  /** Runs the operator's command on this stack. Throws when it fails. */
  readonly operate: (...words: readonly string[]) => Promise<void>
  /** Ends the memory service and waits until the supervisor has started it again. */
  readonly restartMemory: () => Promise<void>
}

export interface BenchStackOptions {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}

type Undo = (step: () => Promise<void>) => void

const programs = fileURLToPath(new URL('../node_modules/.cache/memoric-testkit', import.meta.url))

const noLimits = {
  RATE_LIMIT_ANONYMOUS_MAX: '1000000',
  RATE_LIMIT_AUTH_MAX: '1000000',
  RATE_LIMIT_MAX: '10000000',
  RATE_LIMIT_WRITE_MAX: '10000000',
  RATE_LIMIT_TENANT_MAX: '1000000000',
}

/** Starts everything that `npm start` starts, with rate limits out of the way. What has to be undone is handed to `undo`. */
export async function startBenchStack(options: BenchStackOptions, undo: Undo): Promise<BenchStack> {
  const { environment, signal, say } = options
  const folder = await mkdtemp(join(tmpdir(), 'memoric-bench-'))
  undo(() => rm(folder, { recursive: true, force: true }))
  const home = { ...homeAt(folder), programs }
  const user = { ...environment, ...noLimits }
  const url = await startStack({ home, port: await freePort(), appMain, user, say, signal }, undo)
  return describe(home, url, options)
}

async function describe(home: Home, url: string, options: BenchStackOptions): Promise<BenchStack> {
  const { signal } = options
  const pidOf = (name: ProcessName) => readPid(home, name)
  return {
    url,
    authUrl: `http://127.0.0.1:${await readPort(home, 'auth')}`,
    memoryUrl: `http://127.0.0.1:${await readPort(home, 'memory')}`,
    credentials: await readCredentials(home.credentials),
    serviceKeys: { auth: await serviceKey(home, 'auth'), memory: await serviceKey(home, 'memory') },
    pidOf,
    pids: () => Promise.all([...APPS, ...SERVERS].map(pidOf)),
    operate: (...words) => operate(home, words, options),
    async restartMemory() {
      const before = await pidOf('memory')
      process.kill(before, 'SIGTERM')
      while ((await pidOf('memory').catch(() => before)) === before) await sleep(50, undefined, { signal })
      await waitReady({ url: `${url}/ready`, patience: 60_000, signal })
    },
  }
}

async function operate(
  { path }: Home,
  words: readonly string[],
  { environment, signal }: BenchStackOptions,
): Promise<void> {
  const program = fileURLToPath(new URL('../infra/local/src/operator.ts', import.meta.url))
  const env = { ...environment, MEMORIC_HOME: path }
  await promisify(execFile)(process.execPath, [program, ...words], { env, signal })
}

async function serviceKey({ secrets }: Home, app: string): Promise<string> {
  return (await readFile(join(secrets, `gateway-to-${app}.key`), 'utf8')).trim()
}

async function readPid(home: Home, name: ProcessName): Promise<number> {
  const record = await readRunning(join(home.processes, `${name}.json`))
  if (record === undefined) throw new Error(`${name} does not run`)
  return record.pid
}

async function readPort(home: Home, name: string): Promise<number> {
  const ports: unknown = JSON.parse(await readFile(home.ports, 'utf8'))
  const port: unknown =
    typeof ports === 'object' && ports !== null ? new Map(Object.entries(ports)).get(name) : undefined
  if (typeof port !== 'number') throw new Error(`${home.ports} does not name a port for ${name}`)
  return port
}
