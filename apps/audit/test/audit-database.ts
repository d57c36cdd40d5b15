import { fileURLToPath } from 'node:url'
import { prepareDatabases } from '@memoric/postgres/prepare-database.ts'
import { type TestDatabase, useDatabase } from '@memoric/testkit/use-database.ts'

const migrationsDirectory = fileURLToPath(new URL('../migrations', import.meta.url))

/** The role that the audit service signs in with, in tests. */
export const APP_ROLE = 'memoric_audit'
export const OWNER_ROLE = 'memoric_audit_owner'
export const APP_PASSWORD = 'audit-test-password'

/** Roles and tables of the audit service in the database of `adminUrl`. */
export async function buildAuditDatabase(adminUrl: string, name: string): Promise<void> {
  await prepareDatabases({
    adminUrl,
    databases: [{ name, app: 'audit', appPassword: APP_PASSWORD, migrationsDirectory }],
  })
}

/** A migrated database of the audit service for a test file. */
export function useAuditDatabase(): TestDatabase {
  return useDatabase({ name: 'audit', build: buildAuditDatabase })
}

/** URL of the service's role for a database. */
export function appUrl(adminUrl: string): string {
  return Object.assign(new URL(adminUrl), { username: APP_ROLE, password: APP_PASSWORD }).href
}
