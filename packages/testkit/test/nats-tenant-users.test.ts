import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { noteChild } from '@memoric/local/child-records.ts'
import { type Home, homeAt, makeHome } from '@memoric/local/home.ts'
import { natsConfigWith, natsPasswordVariables } from '@memoric/local/nats-config.ts'
import { runNatsUser, writeNatsConfig } from '@memoric/local/nats-users.ts'
import { type RunningNats, startNats } from '@memoric/local/start-nats.ts'
import { connect, type NatsConnection, nkeyAuthenticator, PermissionViolationError } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { randomNatsPasswords } from '../src/server-settings.ts'

const [mine, other] = [randomUUID(), randomUUID()]
const passwords = randomNatsPasswords()
const noted: string[] = []
const said: string[] = []
let home: Home
let server: RunningNats
let admin: NatsConnection
let key: string
let subscriber: NatsConnection

beforeAll(async () => {
  home = homeAt(await mkdtemp(join(tmpdir(), 'memoric-test-home-')))
  await makeHome(home)
  server = await startNats({
    program: inject('natsServerProgram'),
    configFile: await writeNatsConfig(home),
    storeDir: home.nats,
    port: 0,
    env: natsPasswordVariables(passwords),
  })
  await noteChild(home.processes, 'nats', server.pid)
  admin = await connect({ servers: server.url, user: 'admin', pass: passwords.admin })
})
afterAll(async () => {
  await subscriber.close()
  await admin.close()
  await server.stop()
  await rm(home.path, { recursive: true, force: true })
})

async function natsUser(...args: string[]): Promise<string[]> {
  said.length = 0
  const note = (what: string, tenantId: string, publicKey: string) => {
    noted.push(`${what} ${tenantId} ${publicKey}`)
    return Promise.resolve()
  }
  await runNatsUser(args, { home, say: (line) => said.push(line), note })
  return [...said]
}

function signIn(seed: string): Promise<NatsConnection> {
  const authenticator = nkeyAuthenticator(new TextEncoder().encode(seed))
  return connect({ servers: server.url, authenticator, reconnect: false, inboxPrefix: `memoric.v1.${mine}.inbox` })
}

/** NATS reads its new configuration a moment after it was told to. */
async function eventually(seed: string): Promise<NatsConnection> {
  for (;;) {
    try {
      return await signIn(seed)
    } catch {
      await new Promise((later) => setTimeout(later, 20))
    }
  }
}

async function refusalOf(attempt: () => void): Promise<unknown> {
  const refused = (async () => {
    for await (const status of subscriber.status()) if (status.type === 'error') return status.error
    return undefined
  })()
  attempt()
  return refused
}

describe('a user of NATS for a tenant', () => {
  test('is told of in the log, can sign in at once with the seed that is shown, and hears the events of the tenant alone', async () => {
    const lines = await natsUser('add', mine)
    key = lines[0]?.split(' ').at(-1) ?? ''
    const seed = lines[1]?.split(' ').at(-1) ?? ''
    expect(noted).toEqual([`created ${mine} ${key}`])
    expect(await readFile(join(home.secrets, 'nats-users.json'), 'utf8')).not.toContain(seed)
    subscriber = await eventually(seed)
    const heard: string[] = []
    subscriber.subscribe(`memoric.v1.${mine}.>`, { callback: (_error, { subject }) => void heard.push(subject) })
    await subscriber.flush()
    admin.publish(`memoric.v1.${other}.memory.created`, '{}')
    admin.publish(`memoric.v1.${mine}.memory.created`, '{}')
    await admin.flush()
    await expect.poll(() => heard).toEqual([`memoric.v1.${mine}.memory.created`])
  })

  test.each([
    `memoric.v1.${other}.>`,
    'memoric.v1.*.memory.created',
    'memoric.v1.>',
    'memoric.>',
    '>',
    'memoric.internal.revoked',
    'memoric.dead.>',
    '$JS.EVENT.>',
    '_INBOX.>',
  ])('may not listen to %s', async (subject) => {
    const error = await refusalOf(() => subscriber.subscribe(subject, { callback: () => undefined }))
    expect(error).toBeInstanceOf(PermissionViolationError)
  })

  test.each([
    `memoric.v1.${mine}.memory.created`,
    '$JS.API.INFO',
    '$JS.API.STREAM.INFO.MEMORIC_EVENTS',
    `$JS.API.CONSUMER.CREATE.MEMORIC_EVENTS.mine.memoric.v1.${mine}.>`,
    '$JS.API.STREAM.MSG.GET.MEMORIC_EVENTS',
    'memoric.internal.revoked',
  ])('may not send to %s', async (subject) => {
    expect(await refusalOf(() => subscriber.publish(subject, '{}'))).toBeInstanceOf(PermissionViolationError)
  })

  test('is cut off when it is removed, and others are not', async () => {
    expect((await natsUser('list'))[0]).toContain(key)
    const closed = subscriber.closed()
    await natsUser('remove', key)
    await closed
    expect(noted.at(-1)).toBe(`removed ${mine} ${key}`)
    await admin.flush()
    expect(await natsUser('list')).toEqual(['There are none.'])
  })

  test('is not made for what is no tenant, and nothing of it reaches the configuration', async () => {
    await expect(natsUser('add', '>')).rejects.toThrow('not the id of a tenant')
    await expect(natsUser('remove', 'U')).rejects.toThrow('no such user')
    await expect(natsUser('add')).rejects.toThrow('Say what to do')
    const forged = { tenant_id: `${mine}.>"] } }`, public_key: key, created_at: '' }
    await expect(natsConfigWith([forged])).rejects.toThrow()
  })
})
