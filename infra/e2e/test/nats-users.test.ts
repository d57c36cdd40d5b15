import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Credentials } from '@memoric/local/credentials.ts'
import { freePort } from '@memoric/local/free-port.ts'
import { homeAt } from '@memoric/local/home.ts'
import { startStack } from '@memoric/local/stack.ts'
import { appMain } from '@memoric/local/start-app.ts'
import { connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)
const operator = fileURLToPath(new URL('../../local/src/operator.ts', import.meta.url))
const patience = { timeout: 20_000, interval: 50 }
const undoing: (() => Promise<void>)[] = []
let folder: string
let credentials: Credentials
let server: string

/** What `npm start` starts, in a home of its own. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'memoric-nats-users-'))
  const { signal } = new AbortController()
  const options = { home: homeAt(folder), port: await freePort(), appMain, user: {}, say: () => undefined, signal }
  await startStack(options, (step) => undoing.push(step))
  credentials = JSON.parse(await readFile(join(folder, 'credentials.json'), 'utf8')) as Credentials
  const { host } = new URL(credentials.nats_url)
  server = `nats://${host}`
}, 120_000)
afterAll(async () => {
  for (const step of undoing.reverse()) await step()
  await rm(folder, { recursive: true, force: true })
}, 60_000)

async function memoric(...args: string[]): Promise<string> {
  return (await run(process.execPath, [operator, ...args], { env: { MEMORIC_HOME: folder } })).stdout
}

/** A user of NATS as the command prints it. */
async function addUser(tenantId: string): Promise<{ publicKey: string; seed: string }> {
  const said = await memoric('nats-user', 'add', tenantId)
  const [, publicKey = ''] = /^Public key: (U\w{55})$/m.exec(said) ?? []
  const [, seed = ''] = /^Seed: +(SU\w+)$/m.exec(said) ?? []
  return { publicKey, seed }
}

function signIn(seed: string): Promise<NatsConnection> {
  const authenticator = nkeyAuthenticator(new TextEncoder().encode(seed))
  return connect({ servers: server, authenticator, reconnect: false, timeout: 2_000 })
}

async function call<T>(path: string, body: object, headers: Record<string, string> = {}): Promise<T> {
  const answer = await fetch(`${credentials.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  expect(answer.status).toBe(201)
  return (await answer.json()) as T
}

const remember = (headers: Record<string, string>) =>
  call<{ id: string }>('/v1/memories', { content: 'tea', subject_id: 'ada' }, headers)

/** What a subscription hears, and why it was refused. */
function hear(connection: NatsConnection, subject: string) {
  const heard: { tenantid: string; type: string; data: { resource_id: string } }[] = []
  const refused: string[] = []
  connection.subscribe(subject, {
    callback(error, message) {
      if (error === null) heard.push(message.json())
      else refused.push(error.message)
    },
  })
  return { heard, refused }
}

test('a user of NATS hears the events of its tenant, can do nothing else, and is cut off when it is removed', async () => {
  const tenantId = credentials.tenant_id
  const registration = { email: 'other@example.org', password: 'correct horse battery staple', tenant_name: 'Other' }
  const other = await call<{ tenant: { id: string }; access_token: string }>('/v1/auth/register', registration)
  const { publicKey, seed } = await addUser(tenantId)
  expect(await memoric('nats-user', 'list')).toContain(`${publicKey}  tenant ${tenantId}`)

  let user: NatsConnection | undefined
  await expect.poll(async () => (user = await signIn(seed).catch(() => undefined)), patience).toBeDefined()
  const connection = user as NatsConnection
  const own = hear(connection, `memoric.v1.${tenantId}.>`)
  const foreign = [
    `memoric.v1.${other.tenant.id}.>`,
    'memoric.v1.*.memory.created',
    'memoric.v1.>',
    'memoric.dead.>',
    'memoric.internal.>',
    '_INBOX.>',
    '_INBOX_audit.>',
    '$JS.API.>',
    '$SYS.>',
    '>',
  ].map((subject) => hear(connection, subject))
  await connection.flush()

  const mine = await remember({ 'x-api-key': credentials.api_key })
  await remember({ authorization: `Bearer ${other.access_token}` })
  await expect.poll(() => own.heard.map(({ data }) => data.resource_id), patience).toContain(mine.id)
  expect(own.refused).toEqual([])
  expect(new Set(own.heard.map(({ tenantid }) => tenantid))).toEqual(new Set([tenantId]))
  for (const { heard, refused } of foreign) {
    expect(heard).toEqual([])
    expect(refused.join()).toMatch(/ermissions? [Vv]iolation/)
  }
  for (const subject of [
    `memoric.v1.${tenantId}.memory.created`,
    'memoric.internal.revoked',
    'memoric.internal.erase_person',
    '$JS.API.STREAM.INFO.MEMORIC_EVENTS',
    '$JS.API.CONSUMER.CREATE.MEMORIC_EVENTS',
    '$JS.API.STREAM.DELETE.MEMORIC_EVENTS',
  ]) {
    await expect(connection.request(subject, '{}', { timeout: 1_000 })).rejects.toThrow()
  }
  const before = own.heard.length
  connection.publish(`memoric.v1.${tenantId}.memory.created`, '{"forged":true}')
  await connection.flush()
  expect(own.heard.slice(before).filter((event) => 'forged' in event)).toEqual([])

  await memoric('nats-user', 'remove', publicKey)
  await expect.poll(() => connection.isClosed(), patience).toBe(true)
  await expect(signIn(seed)).rejects.toThrow(/uthorization/)
  const logged = async () => {
    const headers = { 'x-api-key': credentials.api_key }
    const answer = await fetch(`${credentials.url}/v1/audit/logs?operation=nats_user.*`, { headers })
    const { items } = (await answer.json()) as { items: { operation: string; resource_id: string }[] }
    return items.map(({ operation, resource_id }) => [operation, resource_id])
  }
  await expect.poll(logged, patience).toEqual([
    ['nats_user.removed', publicKey],
    ['nats_user.created', publicKey],
  ])
}, 90_000)
