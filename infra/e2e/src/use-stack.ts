import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { AppName } from '@memoric/contracts/route.ts'
import { prepareDatabases } from '@memoric/postgres/prepare-database.ts'
import { type OwnNats, startOwnNats } from '@memoric/testkit/start-own-nats.ts'
import { type OwnPostgres, startOwnPostgres } from '@memoric/testkit/start-own-postgres.ts'
import postgres from 'postgres'
import { afterAll, beforeAll } from 'vitest'
import { type ApiClient, createApiClient } from './api-client.ts'
import { type AppProcess, startAppProcess } from './app-process.ts'
import {
  APPS,
  createStackSettings,
  type Overrides,
  type ServiceName,
  SERVICES,
  type StackSettings,
} from './stack-settings.ts'
import { type RunningApp, startApp } from './start-app.ts'

export interface StackOptions {
  /** Apps that run in processes of their own and may be killed. */
  readonly processes?: readonly AppName[]
  /** Variables given to every app, or to each its own. */
  readonly overrides?: Overrides
  /** Settings of PostgreSQL. */
  readonly postgresSettings?: Readonly<Record<string, string>>
}

/** The four apps on a PostgreSQL and a NATS of their own. Its members can be used from `beforeAll` on. */
export interface Stack {
  /** Calls the gateway, and checks every answer against the contract. */
  readonly api: ApiClient
  readonly settings: StackSettings
  readonly postgres: OwnPostgres
  readonly nats: OwnNats
  /** Sees every row of a service. */
  readonly admin: Readonly<Record<ServiceName, postgres.Sql>>
  /** Lines that the apps of this process logged, at `warn` and above unless LOG_LEVEL is overridden. */
  readonly log: string[]
  start(app: AppName): Promise<void>
  stop(app: AppName): Promise<void>
  /** SIGKILL of an app that runs in a process of its own. */
  kill(app: AppName): Promise<void>
}

interface Opened extends Pick<Stack, 'api' | 'settings' | 'postgres' | 'nats' | 'admin'> {
  readonly running: Map<AppName, RunningApp | AppProcess>
}

/** Runs the whole system for a test file. */
export function useStack({ processes = [], overrides = {}, postgresSettings = {} }: StackOptions = {}): Stack {
  const log: string[] = []
  let opened: Opened | undefined
  const stack = () => opened ?? fail()
  const start = async (app: AppName) => {
    const { settings, running } = stack()
    const environment = settings.environments[app]
    const sink = (line: string) => log.push(line)
    const started = processes.includes(app) ? startAppProcess(app, environment) : startApp(app, environment, sink)
    running.set(app, await started)
  }
  const stop = async (app: AppName) => {
    const { running } = stack()
    await running.get(app)?.stop()
    running.delete(app)
  }
  beforeAll(async () => {
    opened = await open(overrides, postgresSettings)
    for (const app of APPS) await start(app)
  })
  afterAll(async () => {
    for (const app of APPS.toReversed()) await stop(app)
    await close(stack())
  })
  return {
    log,
    start,
    stop,
    async kill(app) {
      const running = stack().running.get(app)
      if (running === undefined || !('kill' in running)) throw new Error(`${app} does not run in a process of its own`)
      await running.kill()
      stack().running.delete(app)
    },
    get api() {
      return stack().api
    },
    get settings() {
      return stack().settings
    },
    get postgres() {
      return stack().postgres
    },
    get nats() {
      return stack().nats
    },
    get admin() {
      return stack().admin
    },
  }
}

function fail(): never {
  throw new Error('useStack: the apps run from beforeAll on')
}

async function open(overrides: Overrides, postgresSettings: Readonly<Record<string, string>>): Promise<Opened> {
  const [server, nats] = await Promise.all([startOwnPostgres(postgresSettings), startOwnNats()])
  const databases = await prepareDatabases({ adminUrl: server.adminUrl, databases: SERVICES.map(databasePlan) })
  const urlOf = (app: ServiceName) => databases.find((database) => database.app === app)?.url ?? ''
  const databaseUrls = { auth: urlOf('auth'), memory: urlOf('memory'), audit: urlOf('audit') }
  const settings = await createStackSettings({ nats, databaseUrls }, overrides)
  const connect = (app: ServiceName) => postgres(server.url(`memoric_${app}`), { max: 2, onnotice: () => undefined })
  const admin = { auth: connect('auth'), memory: connect('memory'), audit: connect('audit') }
  const api = createApiClient(settings.urls.gateway)
  return { api, settings, postgres: server, nats, admin, running: new Map() }
}

function databasePlan(app: ServiceName) {
  const migrationsDirectory = fileURLToPath(new URL(`../../../apps/${app}/migrations`, import.meta.url))
  return { name: `memoric_${app}`, app, appPassword: 'p', migrationsDirectory }
}

/** Connections that an app left open fail the file. */
async function close({ api, admin, postgres: server, nats }: Opened): Promise<void> {
  await api.close()
  const left = await openConnections(admin.auth)
  for (const sql of Object.values(admin)) await sql.end()
  await Promise.all([server.remove(), nats.remove()])
  if (left.length > 0) throw new Error(`connections left open: ${left.join(', ')}`)
}

/** Connections of the apps that are still there a second after they closed them: the server takes a moment. */
async function openConnections(sql: postgres.Sql): Promise<string[]> {
  let left: string[] = []
  for (let attempt = 0; attempt < 20; attempt++) {
    const rows = await sql<{ name: string }[]>`
      select application_name as name from pg_stat_activity where application_name like 'memoric-%'`
    left = rows.map(({ name }) => name)
    if (left.length === 0) break
    await sleep(50)
  }
  return left
}
