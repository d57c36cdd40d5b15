import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { afterAll, beforeAll, inject } from 'vitest'
import { buildTemplate } from './template-database.ts'
import { cloneDatabase, dropDatabase } from './clone-database.ts'

export interface DatabaseOptions {
  /** Names the template: test files that pass the same name share it. `[a-z_]+`. */
  name: string
  /**
   * Makes the template, once per run: `create database`, roles, schema, migrations; prepareDatabases does all of it.
   * @param adminUrl superuser's URL of the server, database `postgres`
   * @param database name that the template shall have
   */
  build(adminUrl: string, database: string): Promise<void>
}

/** The database of a test file. Its members can be used from `beforeAll` on. */
export interface TestDatabase {
  readonly name: string
  /** Superuser's URL of this database. */
  readonly adminUrl: string
  /** URL of this database for a role. */
  url(role: string, password: string): string
}

/**
 * Gives the test file a database: a clone of a template that is built once per run. Afterwards it is dropped; a connection that the
 * file left open fails the file, so call this before the hooks that open connections (hooks end in reverse order).
 */
export function useDatabase(options: DatabaseOptions): TestDatabase {
  const name = `test_${options.name}_${randomBytes(6).toString('hex')}`
  const maintenanceUrl = inject('postgresAdminUrl')
  beforeAll(async () => {
    await withMaintenance(maintenanceUrl, async (sql) => {
      const template = await buildTemplate(sql, maintenanceUrl, options)
      await cloneDatabase(sql, template, name)
    })
  })
  afterAll(async () => {
    await withMaintenance(maintenanceUrl, (sql) => dropDatabase(sql, name))
  })
  const adminUrl = databaseUrl(maintenanceUrl, name)
  return { name, adminUrl, url: (role, password) => withLogin(adminUrl, role, password) }
}

async function withMaintenance(url: string, work: (sql: postgres.Sql) => Promise<void>): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  try {
    await work(sql)
  } finally {
    await sql.end()
  }
}

/** The same server and login, another database. */
function databaseUrl(url: string, database: string): string {
  return Object.assign(new URL(url), { pathname: `/${database}` }).href
}

function withLogin(url: string, role: string, password: string): string {
  return Object.assign(new URL(url), { username: role, password }).href
}
