import { readFile } from 'node:fs/promises'
import { createUser } from '@nats-io/nkeys'
import { natsConfigFile } from '../nats-config.ts'
import { secretFile } from '../secrets.ts'
import { writePrivateFile } from '../write-private-file.ts'

/** Somebody outside who may hear the events of one tenant, and do nothing else. */
export interface NatsUserEntry {
  readonly tenant_id: string
  /** Public part of an NKey: NATS never sees the other. */
  readonly public_key: string
  readonly created_at: string
}

const FILE = 'nats-users.json'
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/
const PUBLIC_KEY = /^U[A-Z2-7]{55}$/
/** Line of the configuration before which users of tenants stand. */
const BEFORE = '    # For people and for tests.\n'

export async function readNatsUsers(folder: string): Promise<NatsUserEntry[]> {
  const text = await readFile(secretFile(folder, FILE), 'utf8').catch(() => '[]')
  const users: unknown = JSON.parse(text)
  if (!Array.isArray(users) || !users.every(isEntry))
    throw new Error(`${secretFile(folder, FILE)} is not what Memoric wrote.`)
  return users
}

/** A new user of a tenant, and the seed by which it signs in; the seed is nowhere else. */
export function makeNatsUser(tenantId: string): { entry: NatsUserEntry; seed: string } {
  if (!UUID.test(tenantId)) throw new Error(`"${tenantId}" is not the id of a tenant: a UUID in lower case.`)
  const pair = createUser()
  const entry = { tenant_id: tenantId, public_key: pair.getPublicKey(), created_at: new Date().toISOString() }
  return { entry, seed: new TextDecoder().decode(pair.getSeed()) }
}

export async function writeNatsUsers(folder: string, users: readonly NatsUserEntry[]): Promise<void> {
  await writePrivateFile(secretFile(folder, FILE), `${JSON.stringify(users, null, 2)}\n`)
}

/** The configuration of NATS with the users of tenants. Throws when one of them is not what `makeNatsUser` makes. */
export async function natsConfigWith(users: readonly NatsUserEntry[]): Promise<string> {
  const text = await readFile(natsConfigFile, 'utf8')
  const [before, after, ...more] = text.split(BEFORE)
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error('the configuration of NATS has changed')
  return before + users.map(userBlock).join('') + BEFORE + after
}

/** Nothing may be published, so neither JetStream nor anybody else can be asked for anything. */
function userBlock(user: NatsUserEntry): string {
  if (!isEntry(user)) throw new Error('not a user of a tenant')
  const { public_key: key, tenant_id: tenant } = user
  return `    { nkey: ${key}, permissions { publish: { deny: ">" }, subscribe: { allow: ["memoric.v1.${tenant}.>"] } } }\n`
}

function isEntry(value: unknown): value is NatsUserEntry {
  const { tenant_id: tenant, public_key: key } = (value ?? {}) as Partial<NatsUserEntry>
  return typeof tenant === 'string' && UUID.test(tenant) && typeof key === 'string' && PUBLIC_KEY.test(key)
}
