import { IDENTITY_HEADER, SERVICE_KEY_HEADER } from '@memoric/contracts/caller.ts'
import { signIdentity } from '@memoric/crypto/identity-statement.ts'
import { createServiceKey, hashServiceKeySecret } from '@memoric/crypto/service-key.ts'
import type { FastifyInstance } from 'fastify'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { useCaller } from '../src/caller-plugin.ts'
import { testCaller } from './test-caller.ts'
import { problemFrom, testServer } from './test-server.ts'

const NOW = 1_800_000_000_000
const gateway = createServiceKey('gateway')
const stranger = createServiceKey('gateway')
const caller = testCaller()
const statement = signIdentity(gateway.secret, 'memory', { ...caller }, { now: NOW })

async function callerServer(now = NOW): Promise<FastifyInstance> {
  const app = await testServer()
  const hash = hashServiceKeySecret(gateway.secret).toString('hex')
  useCaller(app, { audience: 'memory', serviceKeyHashes: { gateway: hash }, now: () => now })
  app.get('/', (request) => request.caller)
  return app
}

function credentials(key: string, identity: string): Record<string, string> {
  return { [SERVICE_KEY_HEADER]: key, [IDENTITY_HEADER]: identity }
}

/** The statement with one character of its claims or of its MAC changed. */
function tampered(at: number): string {
  const place = (at + statement.length) % statement.length
  return statement.slice(0, place) + (statement[place] === 'A' ? 'B' : 'A') + statement.slice(place + 1)
}

function signed(
  claims: Record<string, unknown>,
  { secret = gateway.secret, audience = 'memory', now = NOW } = {},
): string {
  return signIdentity(secret, audience, claims, { now })
}

describe('an app behind the gateway', () => {
  test('knows the caller from a known key and its statement, time after time', async () => {
    const app = await callerServer()
    for (let time = 0; time < 3; time++) {
      const answer = await app.inject({ url: '/', headers: credentials(gateway.text, statement) })
      expect(answer.json()).toEqual(caller)
    }
  })

  const oneKeyTwice = [gateway.text, gateway.text]
  test.each([
    ['neither key nor statement', {}],
    ['a statement without a key', { [IDENTITY_HEADER]: statement }],
    ['a key without a statement', { [SERVICE_KEY_HEADER]: gateway.text }],
    ['an empty statement', credentials(gateway.text, '')],
    ['a junk key', credentials('junk', statement)],
    [
      'a key with a wrong checksum',
      credentials(`${gateway.text.slice(0, -1)}${gateway.text.endsWith('a') ? 'b' : 'a'}`, statement),
    ],
    ['the secret alone', credentials(gateway.secret, statement)],
    [
      'a key of the right caller with another secret',
      credentials(stranger.text, signed(caller, { secret: stranger.secret })),
    ],
    ['a key of a caller that is not known', credentials(createServiceKey('audit').text, statement)],
    ['a key of a caller named like a prototype', credentials(createServiceKey('constructor').text, statement)],
    ['two keys', { [SERVICE_KEY_HEADER]: oneKeyTwice, [IDENTITY_HEADER]: statement }],
    ['a statement with other claims', credentials(gateway.text, tampered(20))],
    ['a statement with another MAC', credentials(gateway.text, tampered(-10))],
    ['a statement without its MAC', credentials(gateway.text, statement.split('.')[0] ?? '')],
    ['a statement made for another app', credentials(gateway.text, signed(caller, { audience: 'audit' }))],
    ['an expired statement', credentials(gateway.text, signed(caller, { now: NOW - 30_001 }))],
    ['a statement from the future', credentials(gateway.text, signed(caller, { now: NOW + 5_001 }))],
    ['a statement signed with another key', credentials(gateway.text, signed(caller, { secret: stranger.secret }))],
    ['a signed statement that is not a caller', credentials(gateway.text, signed({ tenantId: 'x' }))],
    [
      'a signed statement with a permission that does not exist',
      credentials(gateway.text, signed({ ...caller, permissions: ['root'] })),
    ],
  ])('refuses %s', async (_what, headers) => {
    const app = await callerServer()
    const { status, problem } = await problemFrom(app, { url: '/', headers })
    expect({ status, code: problem.code }).toEqual({ status: 401, code: 'invalid_service_identity' })
    expect(problem.detail).toBeUndefined()
  })

  test('takes a statement for 30 seconds', async () => {
    const app = await callerServer(NOW + 30_000)
    const answer = await app.inject({ url: '/', headers: credentials(gateway.text, statement) })
    expect(answer.statusCode).toBe(200)
  })

  test('refuses a stranger also right after it took the gateway', async () => {
    const app = await callerServer()
    await app.inject({ url: '/', headers: credentials(gateway.text, statement) })
    const { status } = await problemFrom(app, { url: '/', headers: credentials(stranger.text, statement) })
    expect(status).toBe(401)
  })

  test('does not tell strangers which addresses exist', async () => {
    const app = await callerServer()
    expect((await problemFrom(app, { url: '/nothing' })).problem.code).toBe('invalid_service_identity')
  })
})

describe('a statement that names a request', () => {
  const bound = (method: string, path: string) =>
    credentials(
      gateway.text,
      signIdentity(gateway.secret, 'memory', { ...caller }, { now: NOW, request: { method, path } }),
    )

  test('is taken with that request', async () => {
    const app = await callerServer()
    expect((await app.inject({ url: '/?a=%2F', headers: bound('GET', '/?a=%2F') })).statusCode).toBe(200)
  })

  test.each([
    ['another path', 'GET', '/other'],
    ['another query', 'GET', '/?a=2'],
    ['no query', 'GET', '/'],
    ['another spelling', 'GET', '/?a=%31'],
    ['another method', 'DELETE', '/?a=1'],
  ])('is refused when it names %s', async (_what, method, path) => {
    const app = await callerServer()
    const { status, problem } = await problemFrom(app, { url: '/?a=1', headers: bound(method, path) })
    expect({ status, code: problem.code }).toEqual({ status: 401, code: 'invalid_service_identity' })
  })
})

describe('the keys of callers', () => {
  const next = createServiceKey('gateway')
  const billing = createServiceKey('billing')
  const hashOf = ({ secret }: { secret: string }) => hashServiceKeySecret(secret).toString('hex')
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'memoric-hashes-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  async function statusWith(app: FastifyInstance, key: { text: string; secret: string }): Promise<number> {
    const headers = credentials(key.text, signed({ ...caller }, { secret: key.secret }))
    return (await app.inject({ url: '/', headers })).statusCode
  }

  test('may be several for one caller, and each is good', async () => {
    const app = await testServer()
    const serviceKeyHashes = { gateway: [hashOf(gateway), hashOf(next)], billing: hashOf(billing), nobody: [] }
    useCaller(app, { audience: 'memory', serviceKeyHashes, now: () => NOW })
    app.get('/', (request) => request.caller)
    for (const key of [gateway, next, billing]) expect(await statusWith(app, key)).toBe(200)
    expect(await statusWith(app, stranger)).toBe(401)
    expect(await statusWith(app, createServiceKey('nobody'))).toBe(401)
  })

  test('are those of the file within seconds, and a damaged file opens and closes nothing', async () => {
    const path = join(folder, 'hashes.json')
    const hashes = (...keys: { secret: string }[]) => JSON.stringify({ gateway: keys.map(hashOf) })
    await writeFile(path, hashes(gateway))
    const app = await testServer()
    const options = { serviceKeyHashes: { gateway: hashOf(gateway) }, serviceKeyHashesFile: path }
    useCaller(app, { audience: 'memory', ...options, now: () => NOW })
    app.get('/', (request) => request.caller)
    expect([await statusWith(app, gateway), await statusWith(app, next)]).toEqual([200, 401])
    await writeFile(path, hashes(gateway, next))
    await expect.poll(() => statusWith(app, next), { timeout: 10_000 }).toBe(200)
    expect(await statusWith(app, gateway)).toBe(200)
    await writeFile(path, hashes(next))
    await expect.poll(() => statusWith(app, gateway), { timeout: 10_000 }).toBe(401)
    await writeFile(path, '')
    await new Promise((resolve) => setTimeout(resolve, 2500))
    expect([await statusWith(app, gateway), await statusWith(app, next)]).toEqual([401, 200])
  }, 30_000)
})
