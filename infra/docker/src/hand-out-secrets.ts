import { chmod, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { roleNames } from '@memoric/postgres/role-names.ts'
import { type App, apps, appSecretFiles, appSecretTexts } from '@memoric/setup/app-secrets.ts'
import { natsPasswordVariables } from '@memoric/setup/nats-config.ts'
import { natsConfigWith, readNatsUsers } from '@memoric/setup/nats-users/nats-users.ts'
import {
  type DatabaseApp,
  databaseApps,
  loadSecrets,
  type Secrets,
  secretFile,
  wereSecretsUsed,
} from '@memoric/setup/secrets.ts'
import { writePrivateFile } from '@memoric/setup/write-private-file.ts'

export interface HandOutOptions {
  /** Where every secret is kept; nobody but this program sees it. */
  folder: string
  /** The folder of each who gets some: `<given>/<name>`. All of them exist. */
  given: string
  /** `host:port` of PostgreSQL, as the apps see it. */
  postgres: string
}

/** Where the container of NATS keeps what JetStream stores. */
const STORE_DIR = '/data'

type Files = Record<string, string>

/**
 * Makes the secrets that are missing, and gives everybody its own ones and no others, one secret a file. May run again at any time.
 * Throws when a secret is lost without which the data could not be read.
 */
export async function handOutSecrets({ folder, given, postgres }: HandOutOptions): Promise<void> {
  const secrets = await loadSecrets(folder, await wereSecretsUsed(folder))
  for (const app of apps) await give(join(given, app), await filesOfApp(app, folder, secrets, postgres))
  await give(join(given, 'prepare'), filesOfPrepare(secrets, postgres))
  await give(join(given, 'nats'), { 'nats-server.conf': await natsConfig(folder, secrets) })
  await give(join(given, 'first-tenant'), { 'owner.password': secrets.ownerPassword })
  await give(join(given, 'postgres'), { POSTGRES_PASSWORD: secrets.postgresPassword })
  // PostgreSQL runs as a user of its own, which is a member of this one's group.
  await chmod(join(given, 'postgres', 'POSTGRES_PASSWORD'), 0o640)
}

/** Gives the apps the service keys and hashes of keys that are in the folder now; what was removed there stays where it was given. */
export async function handOutServiceKeys({ folder, given }: Omit<HandOutOptions, 'postgres'>): Promise<void> {
  for (const app of apps) {
    for (const [variable, name] of Object.entries(appSecretFiles(app))) {
      if (!variable.includes('SERVICE_KEY')) continue
      const text = await readFile(secretFile(folder, name), 'utf8').catch(() => null)
      if (text !== null) await give(join(given, app), { [variable]: text })
    }
  }
}

async function give(folder: string, files: Files): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writePrivateFile(join(folder, name), text)
}

async function filesOfApp(app: App, folder: string, secrets: Secrets, postgres: string): Promise<Files> {
  const files: Files = appSecretTexts(app, secrets, databaseUrls(secrets, postgres))
  for (const [variable, name] of Object.entries(appSecretFiles(app))) {
    files[variable] = await readFile(secretFile(folder, name), 'utf8')
  }
  return files
}

function databaseUrls({ appPasswords }: Secrets, postgres: string): Record<DatabaseApp, string> {
  const url = (app: DatabaseApp) => `postgres://${roleNames(app).app}:${appPasswords[app]}@${postgres}/memoric_${app}`
  return { auth: url('auth'), memory: url('memory'), audit: url('audit') }
}

function filesOfPrepare({ appPasswords, postgresPassword }: Secrets, postgres: string): Files {
  const passwords = databaseApps.map((app) => [`MEMORIC_${app.toUpperCase()}_DB_PASSWORD`, appPasswords[app]])
  const adminUrl = `postgres://postgres:${postgresPassword}@${postgres}/postgres`
  return { ADMIN_DATABASE_URL: adminUrl, ...(Object.fromEntries(passwords) as Files) } // Pairs of texts.
}

/** The configuration that all deployments share, after its passwords: the image of NATS has no shell that could read files. */
async function natsConfig(folder: string, { natsPasswords }: Secrets): Promise<string> {
  const passwords = Object.entries(natsPasswordVariables(natsPasswords)).map(([name, value]) => `${name}: ${value}\n`)
  return (
    `NATS_STORE_DIR: ${JSON.stringify(STORE_DIR)}\n` +
    passwords.join('') +
    (await natsConfigWith(await readNatsUsers(folder)))
  )
}
