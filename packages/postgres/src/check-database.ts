import { checkRoles } from './check-roles.ts'
import type { Sql } from './client.ts'
import { checkMigrations } from './migration-state.ts'

export interface DatabaseCheck {
  /** Directory of the app's migrations. */
  readonly migrations: string
  readonly tablesWithoutRowSecurity?: readonly string[]
}

/** Refuses a database that is not the one this program was made for (MigrationError), or a role that is too strong (RoleError). */
export async function checkDatabase(
  sql: Sql,
  { migrations, tablesWithoutRowSecurity = [] }: DatabaseCheck,
): Promise<void> {
  await checkMigrations(sql, { directory: migrations })
  await checkRoles(sql, { tablesWithoutRowSecurity })
}
