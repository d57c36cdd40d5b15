import { type App, apps } from '@memoric/setup/app-secrets.ts'
import { ensureFirstTenant } from '@memoric/setup/create-first-tenant.ts'
import { readFirstTenant } from '@memoric/setup/first-tenant.ts'
import type { AppSurroundings } from './app-environment.ts'
import { endStaleChildren, forgetChild, noteChild } from './child-records.ts'
import { choosePorts } from './choose-ports.ts'
import { writeCredentials } from './credentials.ts'
import { prepareAppDatabases } from './databases.ts'
import { findNatsServer } from './find-nats-server.ts'
import { type Home, makeHome } from './home.ts'
import { lockHome } from './home-lock.ts'
import { loadHomeSecrets } from './home-secrets.ts'
import { lastLines, logLines, trimLogs } from './log-file.ts'
import { natsPasswordVariables } from './nats-config.ts'
import { writeNatsConfig } from './nats-users.ts'
import { startApp } from './start-app.ts'
import { startNats } from './start-nats.ts'
import { startPostgres } from './start-postgres.ts'
import { type Running, supervise } from './supervise.ts'
import { waitReady } from './wait-ready.ts'

export interface StackOptions {
  home: Home
  /** Port of the gateway. */
  port: number
  /** The program of each app. */
  appMain: (app: App) => string
  /** The environment of the person who starts it. */
  user: Readonly<Record<string, string | undefined>>
  say: (line: string) => void
  /** Waited for before a process that ended is started again, in place of growing pauses. */
  beforeRestart?: ((name: string) => Promise<void>) | undefined
  /** Aborted when the stack shall not go on starting. */
  signal: AbortSignal
}

/** Things to undo at the end, newest first. */
export type Undo = (step: () => Promise<void>) => void

type Basis = Pick<AppSurroundings, 'ports' | 'secrets'>

const settings = {
  max_connections: '200',
  shared_buffers: '256MB',
  jit: 'off',
  wal_compression: 'on',
  // The outbox turns over all the time.
  autovacuum_naptime: '5s',
}

/** Starts everything and gives the URL of the gateway. What has to be undone is handed to `undo` as it comes to be, also when it throws. */
export async function startStack(options: StackOptions, undo: Undo): Promise<string> {
  const { home, say, signal } = options
  await makeHome(home)
  undo(await lockHome(home))
  await clearLeftovers(options)
  const basis = { secrets: await loadHomeSecrets(home), ports: await choosePorts(home.ports, options.port) }
  await startServers(basis, options, undo)
  signal.throwIfAborted()
  say('Preparing the databases')
  const databaseUrls = await prepareAppDatabases(adminUrl(basis), basis.secrets)
  const surroundings = { ...basis, home, databaseUrls, user: options.user }
  await startApps(surroundings, options, undo)
  const url = `http://127.0.0.1:${basis.ports.gateway}`
  await publishCredentials(url, basis, options)
  return url
}

async function clearLeftovers({ home, say }: StackOptions): Promise<void> {
  const ended = await endStaleChildren(home.processes)
  if (ended.length > 0) say(`Ended what an earlier start had left running: ${ended.join(', ')}`)
  await trimLogs(home.logs)
}

function adminUrl({ ports, secrets }: Basis): string {
  return `postgres://postgres:${secrets.postgresPassword}@127.0.0.1:${ports.postgres}/postgres`
}

async function startServers({ ports, secrets }: Basis, options: StackOptions, undo: Undo): Promise<void> {
  const { home, say } = options
  say('Starting PostgreSQL')
  const password = secrets.postgresPassword
  const log = logLines(home.logs, 'postgres')
  const postgres = { dataDir: home.postgres, port: ports.postgres, password, settings, log }
  await keep('postgres', () => startPostgres(postgres), options, undo)
  const program = await findNatsServer(home.programs, say)
  say('Starting NATS')
  const env = natsPasswordVariables(secrets.natsPasswords)
  const nats = { program, configFile: await writeNatsConfig(home), storeDir: home.nats, port: ports.nats, env }
  await keep('nats', () => startNats({ ...nats, log: logLines(home.logs, 'nats') }), options, undo)
}

/** What starts first stops last: the gateway takes requests only while the others are there. */
async function startApps(surroundings: AppSurroundings, options: StackOptions, undo: Undo): Promise<void> {
  options.say(`Starting ${apps.join(', ')}`)
  const ended = new Map(apps.map((app) => [app, new AbortController()]))
  for (const app of apps) {
    await keep(
      app,
      () => startApp(app, options.appMain(app), surroundings),
      options,
      undo,
      () => ended.get(app)?.abort(),
    )
  }
  for (const app of apps) await becomesReady(app, surroundings, options, ended.get(app)?.signal)
}

/** Waits for an app. One that ends while it starts for the first time would end again: that throws at once. */
async function becomesReady(app: App, { ports }: Basis, options: StackOptions, ended?: AbortSignal): Promise<void> {
  const { home, signal } = options
  const url = `http://127.0.0.1:${ports[app]}/ready`
  const waiting = ended === undefined ? signal : AbortSignal.any([signal, ended])
  await waitReady({ url, patience: 60_000, signal: waiting }).catch(async (cause: unknown) => {
    signal.throwIfAborted()
    throw new Error(`${app} does not start. The end of its log:\n${await lastLines(home.logs, app)}`, { cause })
  })
}

async function keep(
  name: string,
  start: () => Promise<Running>,
  { home, say, signal, beforeRestart }: StackOptions,
  undo: Undo,
  onEnd: () => void = () => undefined,
): Promise<void> {
  signal.throwIfAborted()
  const onStart = ({ pid }: Running) => noteChild(home.processes, name, pid)
  const { stop } = await supervise({ name, start, say, onStart, onEnd, beforeRestart })
  undo(async () => {
    await stop()
    await forgetChild(home.processes, name)
  })
}

async function publishCredentials(url: string, basis: Basis, { home, say }: StackOptions): Promise<void> {
  const { ports, secrets } = basis
  const known = await readFirstTenant(home.credentials)
  if (known === undefined) say('Making the first tenant, its owner and an API key')
  const { tenant, state } = await ensureFirstTenant(url, secrets.ownerPassword, known)
  if (state === 'key ended') say(`The API key of ${home.credentials} was revoked or has expired; no other is made`)
  const nats = `nats://admin:${secrets.natsPasswords.admin}@127.0.0.1:${ports.nats}`
  await writeCredentials(home, { url, ...tenant, postgres_url: adminUrl(basis), nats_url: nats })
}
