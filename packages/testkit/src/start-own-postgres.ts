import { freePort } from '@memoric/local/free-port.ts'
import { type RunningPostgres, startPostgres } from '@memoric/local/start-postgres.ts'
import { initialisedFolder, removeFolder } from './initialised-folder.ts'
import { testSettings } from './server-settings.ts'

/** A PostgreSQL server of the caller's own. */
export interface OwnPostgres {
  /** Superuser's URL of the database `postgres`. */
  adminUrl: string
  port: number
  /** Its files. */
  dataDir: string
  /** Lines that it logged. */
  log: readonly string[]
  /** Superuser's URL of a database. */
  url: (database: string) => string
  /** SIGKILL of the whole server, and waits until it is gone: what was committed is still there after `start`. */
  kill: () => Promise<void>
  /** Starts it again on the same port and data, after `kill` or `stop`. */
  start: () => Promise<void>
  /** SIGSTOP of the postmaster: new connections hang, open ones work on. */
  suspend: () => void
  resume: () => void
  /** Fast shutdown; `start` brings it back. */
  stop: () => Promise<void>
  /** Stops it and removes its files. */
  remove: () => Promise<void>
}

/** Starts a PostgreSQL that only this test uses (takes about 0.3 s), with `more` settings. The caller removes it. */
export async function startOwnPostgres(more: Readonly<Record<string, string>> = {}): Promise<OwnPostgres> {
  const { dataDir, password } = await initialisedFolder()
  const port = await freePort()
  const settings = { ...testSettings, synchronous_commit: 'on', ...more }
  const lines: string[] = []
  const log = (line: string) => void lines.push(line)
  const boot = () => startPostgres({ dataDir, password, port, settings, log })
  let server: RunningPostgres = await boot()
  const kill = async () => {
    server.signal('SIGKILL')
    await server.exited
  }
  return {
    adminUrl: server.adminUrl,
    port,
    dataDir,
    log: lines,
    url: server.url,
    kill,
    async start() {
      server = await boot()
    },
    suspend: () => server.signal('SIGSTOP'),
    resume: () => server.signal('SIGCONT'),
    stop: () => server.stop(),
    async remove() {
      await kill()
      await removeFolder(dataDir)
    },
  }
}
