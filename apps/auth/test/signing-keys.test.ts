import { randomUUID } from 'node:crypto'
import { signingKeysChanged } from '@memoric/contracts/signals.ts'
import { SIGNING_KEYS_SUBJECT } from '@memoric/contracts/subjects.ts'
import { connectMessaging } from '@memoric/messaging/connect.ts'
import { onSignal } from '@memoric/messaging/signals.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { createCloser } from '@memoric/service/closer.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { buildApp } from '../src/app.ts'
import { createDeps, type Deps } from '../src/deps.ts'
import { internalContext } from '../src/internal-context.ts'
import { announceSigningKeys } from '../src/signing-keys/announce-signing-keys.ts'
import { maintainSigningKeys } from '../src/signing-keys/maintain-signing-keys.ts'
import { openSigningKeys } from '../src/signing-keys/open-signing-keys.ts'
import { rotateSigningKeys } from '../src/signing-keys/rotate-signing-keys.ts'
import { testConfig } from './auth-settings.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth({ SIGNING_KEY_DAYS: '30' })
const log = createLogger({ app: 'auth', level: 'silent' })
const claims = { userId: randomUUID(), tenantId: randomUUID(), role: 'owner', sessionId: randomUUID() } as const

beforeEach(async () => {
  await auth.admin`delete from signing_keys`
  await maintain()
  await auth.deps.signingKeys.reload()
})
afterEach(() => auth.admin`delete from outbox`)

const depsOf = ({ sql, config, events, keys }: Deps) => ({ sql, config, events, credentials: keys.credentials })
const maintain = (deps: Deps = auth.deps) => maintainSigningKeys(depsOf(deps))
const rotate = (revoke = false) =>
  systemTransaction(auth.deps.sql, (tx) =>
    rotateSigningKeys(tx, depsOf(auth.deps), { revoke, reason: 'requested' }, internalContext('operator:a-test')),
  )

async function states() {
  const rows = await auth.admin<{ kid: string; state: string }[]>`select kid, state from signing_keys order by kid`
  return Object.groupBy(rows, ({ state }) => state)
}

async function kidOf(state: string): Promise<string | undefined> {
  const [row] = await auth.admin<{ kid: string }[]>`select kid from signing_keys where state = ${state}`
  return row?.kid
}

const age = (state: string, seconds: number) => auth.admin`
  update signing_keys set state_since = state_since - make_interval(secs => ${seconds}) where state = ${state}`

const published = () => auth.app.inject('/.well-known/jwks.json')
const kidsOf = (jwks: JSONWebKeySet) => jwks.keys.map(({ kid }) => kid!).sort()
const signedBy = async (deps: Deps = auth.deps) => decodeProtectedHeader(await deps.accessTokens.sign(claims)).kid
const verify = async (token: string) => jwtVerify(token, createLocalJWKSet((await published()).json<JSONWebKeySet>()))

/** Another process of auth on the same database. */
async function startAnother(settings: Record<string, string> = {}): Promise<Deps> {
  const deps = await createDeps(testConfig({ ...auth.settings(), ...settings }), log)
  onTestFinished(() => deps.closer.close())
  return deps
}

describe('the first start', () => {
  test('makes a key to sign with and one that stands by', async () => {
    expect(Object.keys(await states()).sort()).toEqual(['current', 'standby'])
    expect(await maintain()).toBe(false)
  })

  test('of an installation that knew no standby key makes one', async () => {
    const current = await kidOf('current')
    await auth.admin`delete from signing_keys where state = 'standby'`
    expect(await maintain()).toBe(true)
    expect(await kidOf('current')).toBe(current)
    expect(await kidOf('standby')).toBeDefined()
  })
})

describe('what is published', () => {
  test('is open to anyone, may be kept for five minutes, and has nothing private', async () => {
    const answer = await published()
    expect(answer.statusCode).toBe(200)
    expect(answer.headers).toMatchObject({
      'cache-control': 'public, max-age=300',
      'content-type': 'application/json; charset=utf-8',
    })
    const { keys } = answer.json<JSONWebKeySet>()
    expect(keys).toHaveLength(2)
    for (const key of keys) {
      expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x'])
      expect(key).toMatchObject({ alg: 'EdDSA', crv: 'Ed25519', kty: 'OKP', use: 'sig' })
    }
    expect(kidsOf({ keys })).toEqual([await kidOf('current'), await kidOf('standby')].sort())
  })

  test('leaves out what somebody adds to a stored key', async () => {
    await auth.admin`update signing_keys set public_jwk = public_jwk || '{"d": "private"}'`
    expect((await published()).body).not.toContain('private')
  })

  test('is answered with 304 to whoever has it, and in full once it has changed', async () => {
    const { etag } = (await published()).headers
    expect(etag).toMatch(/^"[\w-]{43}"$/)
    const again = (tag: string) => auth.app.inject({ url: '/.well-known/jwks.json', headers: { 'if-none-match': tag } })
    for (const tag of [etag!, `W/${etag}`, `"other", ${etag}`, '*']) {
      const answer = await again(tag)
      expect(answer).toMatchObject({ statusCode: 304, body: '' })
      expect(answer.headers).toMatchObject({ etag, 'cache-control': 'public, max-age=300' })
    }
    expect((await again('"other"')).statusCode).toBe(200)
    await rotate()
    expect((await again(etag!)).statusCode).toBe(200)
  })

  test('is what the database says, also when nobody told this process', async () => {
    const { current, standby, previous } = await rotate()
    expect(kidsOf((await published()).json())).toEqual([current, standby, previous].sort())
  })

  test('is what it was while the database is away', async () => {
    const deps = await startAnother()
    const app = await buildApp(deps.config, deps)
    onTestFinished(() => app.close())
    await deps.sql.end()
    const answer = await app.inject('/.well-known/jwks.json')
    expect(answer.statusCode).toBe(200)
    expect(kidsOf(answer.json())).toEqual([await kidOf('current'), await kidOf('standby')].sort())
  })
})

describe('a rotation', () => {
  test('signs with the key that stood by, publishes the old one still, and makes another to stand by', async () => {
    const [current, standby] = [await kidOf('current'), await kidOf('standby')]
    const token = await auth.deps.accessTokens.sign(claims)
    const rotation = await rotate()
    expect(rotation).toMatchObject({ current: standby, previous: current, removed: [] })
    await auth.deps.signingKeys.reload()
    expect(await signedBy()).toBe(standby)
    await verify(token)
    await verify(await auth.deps.accessTokens.sign(claims))
    expect(kidsOf((await published()).json())).toEqual([current, standby, rotation.standby].sort())
  })

  test('is told to the log of the installation', async () => {
    const { current, standby, previous } = await rotate()
    expect(await auth.events('signing_key.rotated')).toMatchObject([
      {
        tenantid: '00000000-0000-7000-8000-000000000000',
        actor: 'operator:a-test',
        data: {
          resource_type: 'signing_key',
          resource_id: current,
          reason: 'requested',
          endpoint: null,
          status_code: null,
          details: { previous, standby, removed: [] },
        },
      },
    ])
    const [event] = await auth.events('signing_key.rotated')
    expect(auth.personalOf(event!)).toEqual({ ip_address: null, user_agent: null, email: null })
  })

  test('that fails changes nothing', async () => {
    const before = await states()
    const failing = systemTransaction(auth.deps.sql, async (tx) => {
      const request = { revoke: true, reason: 'requested' } as const
      await rotateSigningKeys(tx, depsOf(auth.deps), request, internalContext('operator:a-test'))
      await tx`select 1 / 0`
    })
    await expect(failing).rejects.toThrow()
    expect(await states()).toEqual(before)
    expect(await auth.events('signing_key.rotated')).toEqual([])
  })

  test('of ten at once each is one, in order: one key signs, one stands by, none is lost', async () => {
    const rotations = await Promise.all(Array.from({ length: 10 }, () => rotate()))
    const { current, standby, previous } = await states()
    expect([current, standby, previous].map((keys) => keys!.length)).toEqual([1, 1, 10])
    expect(new Set(rotations.map((one) => one.current)).size).toBe(10)
    expect(await auth.events('signing_key.rotated')).toHaveLength(10)
  })

  test('that revokes removes every key that was published: what they signed is refused', async () => {
    await rotate()
    const before = kidsOf((await published()).json())
    const token = await auth.deps.accessTokens.sign(claims)
    const { removed, previous, current, standby } = await rotate(true)
    expect([...removed].sort()).toEqual(before)
    expect(previous).toBeNull()
    expect(kidsOf((await published()).json())).toEqual([current, standby].sort())
    await expect(verify(token)).rejects.toThrow()
    await verify(await auth.deps.accessTokens.sign(claims))
    expect((await auth.events('signing_key.rotated')).at(-1)).toMatchObject({ data: { reason: 'revoked' } })
  })
})

describe('on schedule', () => {
  const day = 86_400

  test('a key that has signed for its days is rotated, and who did it is auth itself', async () => {
    const standby = await kidOf('standby')
    await age('current', 30 * day)
    expect(await maintain()).toBe(true)
    expect(await kidOf('current')).toBe(standby)
    expect(await auth.events('signing_key.rotated')).toMatchObject([
      { actor: 'service:auth', data: { reason: 'scheduled' } },
    ])
  })

  test('a younger one is not, however old the others are', async () => {
    await age('current', 30 * day - 60)
    await age('standby', 300 * day)
    expect(await maintain()).toBe(false)
    expect(await auth.events('signing_key.rotated')).toEqual([])
  })

  test('of several processes that look at the same time one rotates', async () => {
    await age('current', 31 * day)
    const changed = await Promise.all(Array.from({ length: 6 }, () => maintain()))
    expect(changed.filter(Boolean)).toHaveLength(1)
    expect(await auth.events('signing_key.rotated')).toHaveLength(1)
  })

  test('a retired key is published until all that it signed has expired, and then no longer', async () => {
    await rotate()
    const retired = await kidOf('previous')
    await age('previous', 959)
    expect(await maintain()).toBe(false)
    expect(kidsOf((await published()).json())).toContain(retired)
    await age('previous', 1)
    expect(await maintain()).toBe(true)
    expect(kidsOf((await published()).json())).not.toContain(retired)
    expect(await kidOf('previous')).toBeUndefined()
  })
})

describe('a process', () => {
  test('rotates by itself when it is time, and tells the others', async () => {
    const { sql, config, events, messaging, keys } = auth.deps
    const closer = createCloser(log)
    onTestFinished(() => closer.close())
    const standby = await kidOf('standby')
    const { credentials } = keys
    const { accessTokens } = await openSigningKeys({
      ...{ sql, config, events, messaging, credentials, log, closer },
      upkeepMs: 20,
    })
    await age('current', 30 * 86_400)
    await expect.poll(() => signedBy()).toBe(standby)
    expect(decodeProtectedHeader(await accessTokens.sign(claims)).kid).toBe(standby)
    expect(await auth.events('signing_key.rotated')).toHaveLength(1)
  })
})

describe('other processes', () => {
  test('sign with the new key as soon as they are told, gateways hear of it too', async () => {
    const other = await startAnother()
    const heard: string[] = []
    const { servers, user, pass } = auth.nats.login('gateway')
    const gateway = connectMessaging({ servers, user, pass, name: 'a gateway', log })
    onTestFinished(() => gateway.close())
    onSignal(gateway, SIGNING_KEYS_SUBJECT, (signal) => heard.push(...signingKeysChanged.parse(signal).kids))
    for (const { messaging } of [other, { messaging: gateway }]) await (await messaging.connected()).flush()
    const { current, standby } = await rotate()
    announceSigningKeys(auth.deps, [current, standby])
    await expect.poll(() => signedBy(other)).toBe(current)
    await expect.poll(() => heard).toEqual([current, standby])
  })

  test('that nobody tells look by themselves', async () => {
    const { sql, config, events, messaging, keys } = auth.deps
    const closer = createCloser(log)
    onTestFinished(() => closer.close())
    const { credentials } = keys
    const open = { sql, config, events, messaging, credentials, log, closer, pollMs: 20 }
    const { accessTokens } = await openSigningKeys(open)
    const { current } = await rotate()
    await expect.poll(async () => decodeProtectedHeader(await accessTokens.sign(claims)).kid).toBe(current)
  })

  test('go on with what they know while the database is away', async () => {
    const other = await startAnother()
    const kid = await signedBy(other)
    await other.sql.end()
    await expect(other.signingKeys.reload()).rejects.toThrow()
    expect(await signedBy(other)).toBe(kid)
  })

  test('go on with what they know when there is no current key', async () => {
    const kid = await signedBy()
    await auth.admin`delete from signing_keys`
    await expect(auth.deps.signingKeys.reload()).rejects.toThrow('no current signing key')
    expect(await signedBy()).toBe(kid)
    expect((await published()).statusCode).toBe(200)
  })
})

test('private halves are sealed at rest, each at its own key', async () => {
  const rows = await auth.admin<{ kid: string; private_sealed: Buffer }[]>`
    select kid, private_sealed from signing_keys order by state`
  for (const { private_sealed } of rows) expect(private_sealed.includes('PRIVATE KEY')).toBe(false)
  const [current, standby] = rows
  await auth.admin`update signing_keys set private_sealed = ${current!.private_sealed} where kid = ${standby!.kid}`
  await rotate()
  await expect(auth.deps.signingKeys.reload()).rejects.toThrow()
})
