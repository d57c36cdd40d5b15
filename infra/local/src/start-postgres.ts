import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'
import { initialisePostgres } from './initialise-postgres.ts'
import { clusterPath, openPostgresFolder, type PostgresFolder, runInFolder } from './postgres-folder.ts'
import type { ServerProcess } from './server-process.ts'
import { clearStalePostgres } from './stale-postgres.ts'

export interface PostgresOptions {
  /** Made and initialised on first use. */
  dataDir: string
  /** TCP port on 127.0.0.1; 0 takes a free one. */
  port: number
  /** Of the superuser `postgres`; has effect when the cluster is made. URL-safe characters. */
  password: string
  /** Server settings, as in postgresql.conf. */
  settings?: Record<string, string>
  log?: (line: string) => void
}

export interface RunningPostgres {
  /** Connection URL of the superuser for a database. */
  url: (database: string) => string
  /** The same for the database `postgres`. */
  adminUrl: string
  port: number
  pid: number
  /** Resolves with the exit code, null after a signal. */
  exited: Promise<number | null>
  signal: (name: NodeJS.Signals) => void
  /** Fast shutdown (open sessions are ended, data is flushed); harder signals after 10 s. */
  stop: () => Promise<void>
}

const bootAttempts = 20

/** Starts a real PostgreSQL on 127.0.0.1, as an unprivileged account when this process is root. Throws with the server's own words. */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const { password, log = () => undefined } = options
  const folder = await openPostgresFolder(options.dataDir)
  await clearStalePostgres(clusterPath(folder))
  await initialisePostgres(folder, password, log)
  const port = options.port === 0 ? await freePort() : options.port
  const server = await boot(folder, serverArguments(port, options.settings ?? {}), log)
  const url = (database: string) => `postgres://postgres:${password}@127.0.0.1:${port}/${database}`
  const { pid, exited, signal } = server
  const stop = () => stopPostgres(server)
  return { url, adminUrl: url('postgres'), port, pid, exited, signal, stop }
}

function serverArguments(port: number, settings: Record<string, string>): string[] {
  const all = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    port: String(port),
    password_encryption: 'scram-sha-256',
    lc_messages: 'C',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...settings,
  }
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

/** Memory that the backends of a killed server still hold frees within moments: that failure alone is worth another attempt. */
async function boot(folder: PostgresFolder, args: string[], log: (line: string) => void): Promise<ServerProcess> {
  for (let attempt = 1; ; attempt += 1) {
    const said: string[] = []
    const remember = (line: string) => {
      if (said.length < 50) said.push(line)
      log(line)
    }
    const server = await runInFolder(folder, 'postgres', (seen) => ['-D', `${seen}/cluster`, ...args], remember)
    if (await becomesReady(server, folder)) return server
    const words = said.join('\n')
    if (attempt === bootAttempts || !words.includes('shared memory block')) {
      throw new Error(`PostgreSQL did not start:\n${words}`)
    }
    await sleep(250)
  }
}

/** The server writes its state into the last line of postmaster.pid, where pg_ctl reads it too. */
async function becomesReady(server: ServerProcess, folder: PostgresFolder): Promise<boolean> {
  const pidFile = join(clusterPath(folder), 'postmaster.pid')
  while (server.running()) {
    const lines = (await readFile(pidFile, 'utf8').catch(() => '')).split('\n')
    if (lines[0] === String(server.pid) && lines[7]?.trim() === 'ready') return true
    await sleep(10)
  }
  return false
}

async function stopPostgres(server: ServerProcess): Promise<void> {
  server.signal('SIGCONT')
  await server.stop([
    ['SIGINT', 10_000],
    ['SIGQUIT', 5_000],
  ])
}
