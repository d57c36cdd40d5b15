import { fileURLToPath } from 'node:url'
import { prepareDatabases } from '@memoric/postgres/prepare-database.ts'
import { type DatabaseApp, databaseApps, type Secrets } from '@memoric/setup/secrets.ts'

/** Makes the database of each app with its roles, and migrates it; gives the URLs with which the apps sign in. */
export async function prepareAppDatabases(adminUrl: string, secrets: Secrets): Promise<Record<DatabaseApp, string>> {
  const databases = databaseApps.map((app) => ({
    name: `memoric_${app}`,
    app,
    appPassword: secrets.appPasswords[app],
    migrationsDirectory: fileURLToPath(new URL(`../../../apps/${app}/migrations`, import.meta.url)),
  }))
  const prepared = await prepareDatabases({ adminUrl, databases })
  const url = (app: DatabaseApp) => prepared.find((database) => database.app === app)?.url ?? ''
  return { auth: url('auth'), memory: url('memory'), audit: url('audit') }
}
