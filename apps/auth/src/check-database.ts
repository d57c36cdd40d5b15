import { fileURLToPath } from 'node:url'
import { checkRoles } from '@memoric/postgres/check-roles.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { checkMigrations } from '@memoric/postgres/migration-state.ts'

/** The migrations of auth. */
export const MIGRATIONS_DIRECTORY = fileURLToPath(new URL('../migrations', import.meta.url))

/** Refuses a database that is not the one this program was made for, or a role that is too strong. */
export async function checkDatabase(sql: Sql): Promise<void> {
  await checkMigrations(sql, { directory: MIGRATIONS_DIRECTORY })
  await checkRoles(sql, { tablesWithoutRowSecurity: [] })
}
