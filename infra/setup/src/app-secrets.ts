import { type DatabaseApp, databaseApps, type Secrets } from './secrets.ts'
import { hashesFileName, keyFileName } from './service-keys/service-key-files.ts'

export type App = DatabaseApp | 'gateway'

/** The apps in the order in which they start. */
export const apps: readonly App[] = [...databaseApps, 'gateway']

/** What an app gets as it lies in the folder of secrets: variable -> file. */
export function appSecretFiles(app: App): Record<string, string> {
  if (app === 'gateway') {
    const name = (to: DatabaseApp) => keyFileName({ caller: 'gateway', app: to })
    return Object.fromEntries(databaseApps.map((to) => [`${to.toUpperCase()}_SERVICE_KEY`, name(to)]))
  }
  return {
    MEMORIC_ENCRYPTION_KEY: `${app}-encryption.key`,
    PERSONAL_DATA_KEY: 'personal-data.key',
    SERVICE_KEY_HASHES: hashesFileName(app),
    ...(app === 'auth' && { API_KEY_PEPPER: 'api-key-pepper.key' }),
  }
}

/** What an app gets as text: variable -> value. */
export function appSecretTexts(
  app: App,
  secrets: Secrets,
  databaseUrls: Readonly<Record<DatabaseApp, string>>,
): Record<string, string> {
  return {
    NATS_PASSWORD: secrets.natsPasswords[app],
    ...(app !== 'gateway' && { DATABASE_URL: databaseUrls[app] }),
  }
}
