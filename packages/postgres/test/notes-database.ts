import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { prepareDatabases } from '@memoric/postgres/prepare-database.ts'
import { type TestDatabase, useDatabase } from '@memoric/testkit/use-database.ts'
import { afterAll, beforeAll } from 'vitest'
import { createClient, type ClientOptions, type Sql } from '../src/client.ts'
import type { Scope } from '../src/tenant-transaction.ts'

export const notesMigrations = fileURLToPath(new URL('migrations', import.meta.url))
export const appPassword = 'a password with "quotes" and a %'
export const appRole = 'memoric_notes'

/** A database with the prelude and a table of notes, prepared as an app's database is. */
export function useNotesDatabase(): TestDatabase {
  return useDatabase({
    name: 'notes',
    async build(adminUrl, database) {
      await prepareDatabases({
        adminUrl,
        databases: [{ name: database, app: 'notes', appPassword, migrationsDirectory: notesMigrations }],
      })
    },
  })
}

/** URL of the app's role. */
export function notesUrl(database: TestDatabase): string {
  return database.url(appRole, encodeURIComponent(appPassword))
}

/** A client of the app's role, closed after the file. */
export function useNotesClient(database: TestDatabase, options: Omit<ClientOptions, 'url'> = {}): () => Sql {
  let sql: Sql | undefined
  beforeAll(() => {
    sql = createClient({ url: notesUrl(database), ...options })
  })
  afterAll(() => sql?.end())
  return () => sql!
}

export function tenantScope(limits: Partial<Scope> = {}): Scope {
  return { tenantId: randomUUID(), subjects: '*', namespaces: '*', ...limits }
}
