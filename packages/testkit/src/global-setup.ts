import { fileURLToPath } from 'node:url'
import { findNatsServer } from '@memoric/local/find-nats-server.ts'
import { startPostgres } from '@memoric/local/start-postgres.ts'
import type { TestProject } from 'vitest/node'
import { initialisedFolder, removeFolder } from './initialised-folder.ts'
import { testSettings } from './server-settings.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Superuser's URL of the run's PostgreSQL, database `postgres`. */
    postgresAdminUrl: string
    /** The program that each test file starts for itself. */
    natsServerProgram: string
  }
}

const programCache = fileURLToPath(new URL('../../../node_modules/.cache/memoric-testkit', import.meta.url))

/** Vitest's global setup: one PostgreSQL for the run, and a nats-server program for the files to start. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const program = await findNatsServer(programCache, (line) => process.stderr.write(`${line}\n`))
  const { dataDir, password } = await initialisedFolder()
  const postgres = await startPostgres({ dataDir, password, port: 0, settings: { ...testSettings } })
  project.provide('postgresAdminUrl', postgres.adminUrl)
  project.provide('natsServerProgram', program)
  return async () => {
    postgres.signal('SIGQUIT')
    await postgres.exited
    await removeFolder(dataDir)
  }
}
