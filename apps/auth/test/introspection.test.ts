import type { Caller } from '@memoric/contracts/caller.ts'
import type { Grant } from '@memoric/contracts/introspection.ts'
import { INTROSPECT_PATH } from '@memoric/contracts/introspection.ts'
import { ROLE_PERMISSIONS } from '@memoric/contracts/permissions.ts'
import { createApiKey, parseApiKey } from '@memoric/crypto/api-key.ts'
import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { introspectApiKey } from '../src/introspection/introspect-api-key.ts'
import { countFlights } from './count-flights.ts'
import { useRevokedIds } from './revocation-signals.ts'
import { type Owner, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
const revoked = useRevokedIds(auth)

const gateway: Partial<Caller> = { principal: { type: 'service', id: 'gateway' } }

async function ask(question: object): Promise<Grant | null> {
  const answer = await auth.call('POST', INTROSPECT_PATH, question, gateway)
  expect(answer.status).toBe(200)
  return answer.body.grant
}

const sessionOf = ({ accessToken }: Owner) => String(decodeJwt(accessToken).sid)
const askSession = (owner: Owner) => ask({ kind: 'session', session_id: sessionOf(owner), user_id: owner.userId })

function askKey(text: string) {
  const { keyId, secret } = parseApiKey(text)!
  return ask({ kind: 'api_key', key_id: keyId, secret })
}

async function createKey(owner: Owner, more: object = {}) {
  const body = { name: 'k', scopes: ['memories:read', 'audit:read'], ...more }
  const answer = await auth.call('POST', '/v1/api-keys', body, owner.caller)
  return answer.body as { id: string; key: string; expires_at: string }
}

const setRole = (owner: Owner, role: string) => auth.admin`update users set role = ${role} where id = ${owner.userId}`
const deactivate = (owner: Owner) => auth.admin`update users set deactivated_at = now() where id = ${owner.userId}`

test('a live session is granted what the role may do', async () => {
  const owner = await signUp(auth)
  const grant = await askSession(owner)
  expect(grant).toMatchObject({
    grantId: sessionOf(owner),
    tenantId: owner.tenantId,
    principal: { type: 'user', id: owner.userId },
    permissions: ROLE_PERMISSIONS.owner,
    subjects: '*',
    namespaces: '*',
  })
  expect(grant!.expiresAt).toBeGreaterThan(Date.now())
})

test.each(['user', 'read_only'] as const)('a %s is confined to itself as subject', async (role) => {
  const owner = await signUp(auth)
  await setRole(owner, role)
  expect(await askSession(owner)).toMatchObject({ permissions: ROLE_PERMISSIONS[role], subjects: [owner.userId] })
})

test('a session that was logged out is granted nothing, and every gateway hears of it', async () => {
  const owner = await signUp(auth)
  await auth.call('POST', '/v1/auth/logout', { refresh_token: owner.refreshToken })
  expect(await askSession(owner)).toBeNull()
  await expect.poll(() => revoked).toContain(sessionOf(owner))
})

test('a session that ended by reuse of a token is granted nothing, and every gateway hears of it', async () => {
  const owner = await signUp(auth)
  const refresh = () => auth.call('POST', '/v1/auth/refresh', { refresh_token: owner.refreshToken })
  await refresh()
  await auth.admin`update refresh_tokens set used_at = used_at - interval '1 minute' where used_at is not null`
  await refresh()
  expect(await askSession(owner)).toBeNull()
  await expect.poll(() => revoked).toContain(sessionOf(owner))
})

test.each(['expires_at', 'idle_expires_at'])('a session is granted nothing after its %s', async (column) => {
  const owner = await signUp(auth)
  await auth.admin`update sessions set ${auth.admin(column)} = now() where id = ${sessionOf(owner)}`
  expect(await askSession(owner)).toBeNull()
})

test('a deactivated user is granted nothing', async () => {
  const owner = await signUp(auth)
  await deactivate(owner)
  expect(await askSession(owner)).toBeNull()
})

test('a session of another user, or that does not exist, is granted nothing', async () => {
  const [owner, other] = [await signUp(auth), await signUp(auth)]
  expect(await ask({ kind: 'session', session_id: sessionOf(owner), user_id: other.userId })).toBeNull()
  expect(await ask({ kind: 'session', session_id: other.userId, user_id: other.userId })).toBeNull()
  expect(await ask({ kind: 'session', session_id: "' or 1=1 --", user_id: 'x' })).toBeNull()
})

test('a live key is granted its scopes and limits', async () => {
  const owner = await signUp(auth)
  const { id, key, expires_at } = await createKey(owner, { namespaces: ['support'], subjects: ['alice'] })
  expect(await askKey(key)).toEqual({
    grantId: id,
    tenantId: owner.tenantId,
    principal: { type: 'api_key', id },
    permissions: ['memories:read', 'audit:read'],
    subjects: ['alice'],
    namespaces: ['support'],
    networks: [],
    rateLimit: null,
    tenantRateLimit: null,
    expiresAt: Date.parse(expires_at),
  })
})

test('a wrong secret, an unknown key and junk are granted nothing', async () => {
  const { keyId, secret } = parseApiKey((await createKey(await signUp(auth))).key)!
  const another = createApiKey('local')
  expect(await ask({ kind: 'api_key', key_id: keyId, secret: another.secret })).toBeNull()
  expect(await ask({ kind: 'api_key', key_id: another.keyId, secret })).toBeNull()
  expect(await ask({ kind: 'api_key', key_id: '%', secret: '' })).toBeNull()
})

test('a revoked key is granted nothing', async () => {
  const owner = await signUp(auth)
  const { id, key } = await createKey(owner)
  await auth.call('DELETE', `/v1/api-keys/${id}`, undefined, owner.caller)
  expect(await askKey(key)).toBeNull()
})

test('an expired key is granted nothing', async () => {
  const { id, key } = await createKey(await signUp(auth))
  await auth.admin`update api_keys set expires_at = now() where id = ${id}`
  expect(await askKey(key)).toBeNull()
})

test('a key loses what its creator loses', async () => {
  const owner = await signUp(auth)
  const { key } = await createKey(owner)
  await setRole(owner, 'read_only')
  expect(await askKey(key)).toMatchObject({ permissions: ['memories:read'], subjects: [owner.userId] })
})

test('a key of a creator who is now confined acts for nobody else', async () => {
  const owner = await signUp(auth)
  const { key } = await createKey(owner, { subjects: ['alice'] })
  await setRole(owner, 'user')
  expect(await askKey(key)).toMatchObject({ subjects: [] })
})

test('a key stands still while its creator is deactivated', async () => {
  const owner = await signUp(auth)
  const { key } = await createKey(owner)
  await deactivate(owner)
  expect(await askKey(key)).toBeNull()
})

test('only a service may ask', async () => {
  const owner = await signUp(auth)
  const question = { kind: 'session', session_id: sessionOf(owner), user_id: owner.userId }
  for (const caller of [{}, owner.caller]) {
    expect(await auth.call('POST', INTROSPECT_PATH, question, caller)).toMatchObject({
      status: 403,
      body: { code: 'permission_denied' },
    })
  }
})

test('a question of the wrong shape is refused', async () => {
  for (const question of [{}, { kind: 'api_key' }, { kind: 'session', session_id: 'x', user_id: 'y', more: 1 }]) {
    expect((await auth.call('POST', INTROSPECT_PATH, question, gateway)).status).toBe(400)
  }
})

test('asking writes no event', async () => {
  const owner = await signUp(auth)
  const count = () => auth.admin`select count(*)::int as events from outbox`
  const before = await count()
  await askSession(owner)
  expect(await count()).toEqual(before)
})

test('the last use of a key is written in a batch, and never goes back', async () => {
  const owner = await signUp(auth)
  const { id, key } = await createKey(owner)
  const lastUse = async () => (await auth.call('GET', `/v1/api-keys/${id}`, undefined, owner.caller)).body.last_used_at
  const before = Date.now()
  await askKey(key)
  expect(await lastUse()).toBeNull()
  await auth.deps.keyUse.flush()
  expect(Date.parse((await lastUse())!)).toBeGreaterThanOrEqual(before)
  await auth.admin`update api_keys set last_used_at = '2999-01-01' where id = ${id}`
  await askKey(key)
  await auth.deps.keyUse.flush()
  expect(await lastUse()).toBe('2999-01-01T00:00:00.000Z')
})

test('each question about a key counts as a use: what a gateway answers from its cache counts with the next one', async () => {
  const owner = await signUp(auth)
  const { id, key } = await createKey(owner)
  const lastUse = async () => (await auth.call('GET', `/v1/api-keys/${id}`, undefined, owner.caller)).body.last_used_at!
  const use = async () => {
    await askKey(key)
    await auth.deps.keyUse.flush()
    return lastUse()
  }
  const first = await use()
  await expect.poll(use).not.toBe(first)
  expect(Date.parse(await lastUse())).toBeGreaterThan(Date.parse(first))
})

test('a key that is refused is not used', async () => {
  const owner = await signUp(auth)
  const { id, key } = await createKey(owner)
  const another = { key_id: parseApiKey(key)!.keyId, secret: createApiKey('local').secret }
  await ask({ kind: 'api_key', ...another })
  await deactivate(owner)
  await askKey(key)
  await auth.deps.keyUse.flush()
  expect(await auth.admin`select last_used_at from api_keys where id = ${id}`).toEqual([{ last_used_at: null }])
})

describe('why a credential does not stand', () => {
  const refusalOf = async (question: object) =>
    (await auth.call('POST', INTROSPECT_PATH, question, gateway)).body.refusal
  const ofKey = (text: string) => {
    const { keyId, secret } = parseApiKey(text)!
    return refusalOf({ kind: 'api_key', key_id: keyId, secret })
  }
  const suspend = ({ tenantId }: Owner) => auth.admin`update tenants set suspended_at = now() where id = ${tenantId}`

  test.each([
    ['tenant_suspended', (_id: string, owner: Owner) => suspend(owner)],
    ['revoked', (id: string) => auth.admin`update api_keys set revoked_at = now() where id = ${id}`],
    ['expired', (id: string) => auth.admin`update api_keys set expires_at = now() where id = ${id}`],
    ['creator_inactive', (_id: string, owner: Owner) => deactivate(owner)],
  ])('is named for an API key, with its tenant and the key: %s', async (reason, end) => {
    const owner = await signUp(auth)
    const { id, key } = await createKey(owner)
    await end(id, owner)
    const principal = { type: 'api_key', id }
    expect(await ofKey(key)).toEqual({ reason, tenantId: owner.tenantId, principal })
  })

  test.each([
    ['tenant_suspended', suspend],
    ['user_inactive', deactivate],
    ['revoked', (owner: Owner) => auth.call('POST', '/v1/auth/logout', { refresh_token: owner.refreshToken })],
    ['expired', (owner: Owner) => auth.admin`update sessions set expires_at = now() where id = ${sessionOf(owner)}`],
  ])('is named for a session, with its tenant and the user: %s', async (reason, end) => {
    const owner = await signUp(auth)
    const question = { kind: 'session', session_id: sessionOf(owner), user_id: owner.userId }
    expect(await refusalOf(question)).toBeNull()
    await end(owner)
    const principal = { type: 'user', id: owner.userId }
    expect(await refusalOf(question)).toEqual({ reason, tenantId: owner.tenantId, principal })
  })

  test('is a wrong secret, in a tenant but of nobody', async () => {
    const owner = await signUp(auth)
    const { key } = await createKey(owner)
    const { keyId } = parseApiKey(key)!
    const question = { kind: 'api_key', key_id: keyId, secret: createApiKey('local').secret }
    expect(await refusalOf(question)).toEqual({ reason: 'wrong_secret', tenantId: owner.tenantId, principal: null })
  })

  test('is that nobody knows it', async () => {
    const { keyId, secret } = createApiKey('local')
    const id = '0198b1de-0000-7000-8000-000000000000'
    const questions = [
      { kind: 'api_key', key_id: keyId, secret },
      { kind: 'api_key', key_id: '%', secret },
      { kind: 'session', session_id: id, user_id: id },
      { kind: 'session', session_id: '%', user_id: id },
      { kind: 'client', api_key_id: id, scopes: ['memories:read'] },
      { kind: 'client', api_key_id: "' or 1=1 --", scopes: [] },
    ]
    for (const question of questions) {
      expect(await refusalOf(question)).toEqual({ reason: 'unknown', tenantId: null, principal: null })
    }
  })

  test('costs as much to find out for a wrong secret as for an unknown key, and nothing for junk', async () => {
    const { key } = await createKey(await signUp(auth))
    const { keyId } = parseApiKey(key)!
    const { secret } = createApiKey('local')
    const costOf = async (key_id: string) => {
      const { deps, flights } = countFlights(auth.deps)
      await introspectApiKey(deps, { kind: 'api_key', key_id, secret })
      return flights()
    }
    expect(await costOf(keyId)).toBe(1)
    expect(await costOf(createApiKey('local').keyId)).toBe(1)
    expect(await costOf('%')).toBe(0)
  })
})
