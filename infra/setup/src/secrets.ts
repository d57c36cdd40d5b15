import { randomBytes } from 'node:crypto'
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { natsUsers, type NatsUser } from './nats-config.ts'
import { ensureGatewayKeys } from './service-keys/service-keys.ts'
import { writePrivateFile } from './write-private-file.ts'

/** The apps that own a database. */
export const databaseApps = ['auth', 'memory', 'audit'] as const

export type DatabaseApp = (typeof databaseApps)[number]

/** The secrets that processes get as text; keys they read from their files themselves. */
export interface Secrets {
  postgresPassword: string
  natsPasswords: Record<NatsUser, string>
  /** Of the role that the app signs in as. */
  appPasswords: Record<DatabaseApp, string>
  /** Of the first user. */
  ownerPassword: string
}

/** Path of a secret's file. */
export function secretFile(folder: string, name: string): string {
  return join(folder, name)
}

/** Whether databases were made with the secrets of this folder: the password of their server is the last key that is made. */
export async function wereSecretsUsed(folder: string): Promise<boolean> {
  return exists(secretFile(folder, 'postgres.password'))
}

/**
 * Reads the secrets in `folder`, making those that are missing, 0600. A key without which existing data could not be read is
 * never made anew: with `hasData` that throws.
 */
export async function loadSecrets(folder: string, hasData: boolean): Promise<Secrets> {
  for (const app of databaseApps) await irreplaceable(folder, `${app}-encryption.key`, base64Key, hasData)
  await irreplaceable(folder, 'personal-data.key', base64Key, hasData)
  await irreplaceable(folder, 'api-key-pepper.key', base64Key, hasData)
  await ensureGatewayKeys(folder, databaseApps)
  return {
    postgresPassword: await irreplaceable(folder, 'postgres.password', password, hasData),
    natsPasswords: await forEach(natsUsers, (user) => secret(folder, `nats-${user}.password`, password)),
    appPasswords: await forEach(databaseApps, (app) => secret(folder, `postgres-${app}.password`, password)),
    ownerPassword: await secret(folder, 'owner.password', password),
  }
}

function base64Key(): string {
  return randomBytes(32).toString('base64')
}

/** Letters and digits, a letter first: fits into URLs and into what NATS parses. */
function password(): string {
  return `p${randomBytes(24).toString('hex')}`
}

async function irreplaceable(folder: string, name: string, make: () => string, hasData: boolean): Promise<string> {
  if (hasData && !(await exists(secretFile(folder, name)))) {
    throw new Error(`${secretFile(folder, name)} is missing: without it the existing data cannot be read. Restore it.`)
  }
  return secret(folder, name, make)
}

async function secret(folder: string, name: string, make: () => string): Promise<string> {
  const file = secretFile(folder, name)
  if (!(await exists(file))) await writePrivateFile(file, `${make()}\n`)
  return (await readFile(file, 'utf8')).trim()
}

async function forEach<K extends string>(
  names: readonly K[],
  make: (name: K) => Promise<string>,
): Promise<Record<K, string>> {
  const entries = await Promise.all(names.map(async (name) => [name, await make(name)] as const))
  return Object.fromEntries(entries) as Record<K, string> // The entries are exactly the names.
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
