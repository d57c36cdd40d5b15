import type { Caller } from '@memoric/contracts/caller.ts'
import { INTROSPECT_PATH, introspectAnswer } from '@memoric/contracts/introspection.ts'
import { REFUSAL_HEADER } from '@memoric/contracts/refusals.ts'
import { createApiKey, parseApiKey } from '@memoric/crypto/api-key.ts'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { describe, expect, test } from 'vitest'
import { issueToken } from '../src/tokens/issue-token.ts'
import { addMember, countEvents, eventsOf } from './add-member.ts'
import { gatewayKey } from './auth-settings.ts'
import { anonymousContext } from './begin-session.ts'
import { countFlights } from './count-flights.ts'
import { withOtherSecret } from './other-secret.ts'
import { type Owner, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth({ MEMORIC_ENV: 'test' })

interface Key {
  readonly id: string
  readonly key: string
  readonly key_id: string
}

const scopes = ['memories:read', 'memories:write', 'keys:manage']

async function newKey(owner: Pick<Owner, 'caller'>, more: object = {}): Promise<Key> {
  return (await auth.call('POST', '/v1/api-keys', { name: 'k', scopes, ...more }, owner.caller)).body
}

async function send(body: object, authorization?: string, caller: Partial<Caller> = {}) {
  const headers = { ...callerHeaders(gatewayKey, 'auth', caller), 'content-type': 'application/json' }
  const payload = JSON.stringify({ grant_type: 'client_credentials', ...body })
  const url = '/v1/auth/token'
  const answer = await auth.app.inject({
    method: 'POST',
    url,
    payload,
    headers: { ...headers, ...(authorization !== undefined && { authorization }) },
  })
  return { status: answer.statusCode, headers: answer.headers, body: answer.json<Record<string, unknown>>() }
}

const inBody = ({ key, key_id }: Pick<Key, 'key' | 'key_id'>, more: object = {}, caller: Partial<Caller> = {}) =>
  send({ client_id: key_id, client_secret: key, ...more }, undefined, caller)
const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`

/** What a gateway is told about the token of a key. */
async function askClient(token: unknown) {
  const { sub, scope } = decodeJwt(String(token))
  const question = { kind: 'client', api_key_id: sub, scopes: String(scope).split(' ') }
  const caller = { principal: { type: 'service' as const, id: 'gateway' } }
  return introspectAnswer.parse((await auth.call('POST', INTROSPECT_PATH, question, caller)).body)
}

const INVALID_CLIENT = { status: 401, body: { code: 'invalid_client', error: 'invalid_client', status: 401 } }

describe('a token for an API key', () => {
  test('names the key, its tenant and its scopes, and no user or session', async () => {
    const owner = await signUp(auth)
    const key = await newKey(owner)
    const answer = await inBody(key)
    expect(answer).toMatchObject({
      status: 200,
      body: { token_type: 'Bearer', expires_in: 900, scope: 'memories:read memories:write keys:manage' },
    })
    expect(answer.headers['cache-control']).toBe('no-store')
    const token = String(answer.body['access_token'])
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'EdDSA', typ: 'at+jwt' })
    const { iat, exp, jti, ...claims } = decodeJwt(token)
    expect(claims).toEqual({
      iss: 'memoric',
      aud: 'memoric-api',
      sub: key.id,
      client_id: key.key_id,
      tenant_id: owner.tenantId,
      scope: answer.body['scope'],
    })
    expect(exp! - iat!).toBe(900)
    expect(jti).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('has the scopes that are asked for, once and in the order of the key', async () => {
    const key = await newKey(await signUp(auth))
    const scope = 'keys:manage memories:read keys:manage'
    expect((await inBody(key, { scope })).body['scope']).toBe('memories:read keys:manage')
    expect((await inBody(key, { scope: '' })).body['scope']).toBe(scopes.join(' '))
  })

  test('never lives longer than the key', async () => {
    const key = await newKey(await signUp(auth))
    await auth.admin`update api_keys set expires_at = now() + interval '100 seconds' where id = ${key.id}`
    const { body } = await inBody(key)
    const { exp, iat } = decodeJwt(String(body['access_token']))
    expect(body['expires_in']).toBe(exp! - iat!)
    expect(exp! - iat!).toBeGreaterThan(90)
    expect(exp! - iat!).toBeLessThanOrEqual(100)
  })

  test('is told in the log of the tenant, as done by the key', async () => {
    const owner = await signUp(auth)
    const key = await newKey(owner)
    const { body } = await inBody(key, { scope: 'memories:read' })
    const { jti } = decodeJwt(String(body['access_token']))
    const events = await eventsOf(auth, owner, 'auth.token.issued')
    const details = { key_id: key.key_id, scopes: ['memories:read'], jti, lifetime_seconds: 900 }
    expect(events).toMatchObject([
      { actor: `api_key:${key.id}`, data: { resource_id: key.id, status_code: 200, details } },
    ])
    expect(JSON.stringify(events)).not.toContain(parseApiKey(key.key)!.secret)
  })

  test('marks the key as used', async () => {
    const owner = await signUp(auth)
    const key = await newKey(owner)
    await inBody(key)
    await auth.deps.keyUse.flush()
    const shown = (await auth.call('GET', `/v1/api-keys/${key.id}`, undefined, owner.caller)).body
    expect(shown.last_used_at).toEqual(expect.any(String))
  })
})

describe('what a gateway is told about such a token', () => {
  test('is the grant of the key, within the scopes of the token', async () => {
    const owner = await signUp(auth)
    const limits = { namespaces: ['support'], subjects: ['alice'], ip_allow: ['192.0.2.0/24'], rate_limit: 7 }
    const key = await newKey(owner, limits)
    const { body } = await inBody(key, { scope: 'memories:read' })
    expect((await askClient(body['access_token'])).grant).toMatchObject({
      grantId: key.id,
      tenantId: owner.tenantId,
      principal: { type: 'api_key', id: key.id },
      permissions: ['memories:read'],
      namespaces: ['support'],
      subjects: ['alice'],
      networks: [['192.0.2.0/24']],
      rateLimit: 7,
    })
  })

  test.each([
    ['revoked', ({ id }: Key, { caller }: Owner) => auth.call('DELETE', `/v1/api-keys/${id}`, undefined, caller)],
    ['expired', ({ id }: Key) => auth.admin`update api_keys set expires_at = now() where id = ${id}`],
    [
      'creator_inactive',
      (_: Key, { userId }: Owner) => auth.admin`update users set deactivated_at = now() where id = ${userId}`,
    ],
    [
      'tenant_suspended',
      (_: Key, { tenantId }: Owner) => auth.admin`update tenants set suspended_at = now() where id = ${tenantId}`,
    ],
    ['scope_lost', (_: Key, { userId }: Owner) => auth.admin`update users set role = 'read_only' where id = ${userId}`],
  ])('is that it has ended with its key: %s', async (reason, end) => {
    const owner = await signUp(auth)
    const key = await newKey(owner)
    const { body } = await inBody(key, { scope: 'memories:write keys:manage' })
    await end(key, owner)
    const principal = { type: 'api_key', id: key.id }
    expect(await askClient(body['access_token'])).toEqual({
      grant: null,
      refusal: { reason, tenantId: owner.tenantId, principal },
    })
  })
})

describe('a client presents itself', () => {
  test('by HTTP Basic, each part encoded as in a form', async () => {
    const { key, key_id } = await newKey(await signUp(auth))
    const encoded = key.replaceAll('_', '%5F')
    for (const [id, secret] of [
      [key_id, key],
      [key_id, encoded],
      [`%${key_id.charCodeAt(0).toString(16)}${key_id.slice(1)}`, key],
    ] as const) {
      expect((await send({}, basic(id, secret))).status).toBe(200)
    }
    expect((await send({}, basic(key_id, key).replace('Basic', 'bAsIc '))).status).toBe(200)
    expect((await send({ client_id: key_id }, basic(key_id, key))).status).toBe(200)
  })

  test('with the whole key, or with what follows its last underscore', async () => {
    const key = await newKey(await signUp(auth))
    const bare = key.key.split('_').at(-1)!
    expect((await inBody({ ...key, key: bare })).status).toBe(200)
    expect((await send({}, basic(key.key_id, bare))).status).toBe(200)
    expect(await inBody({ ...key, key: parseApiKey(key.key)!.secret })).toMatchObject(INVALID_CLIENT)
  })

  test('in one way, not in both', async () => {
    const { key, key_id } = await newKey(await signUp(auth))
    for (const body of [{ client_id: key_id, client_secret: key }, { client_secret: key }, { client_id: 'another' }]) {
      expect(await send(body, basic(key_id, key))).toMatchObject({
        status: 400,
        body: { code: 'malformed_request', error: 'invalid_request' },
      })
    }
  })

  test.each([
    ['nobody', {}, undefined],
    ['half a client', { client_id: 'x' }, undefined],
    ['a secret without a client', { client_secret: createApiKey('test').text }, undefined],
    ['a token', {}, 'Bearer abc'],
    ['Basic without anything', {}, 'Basic'],
    ['Basic that is no base64', {}, 'Basic !!!'],
    ['Basic without a colon', {}, `Basic ${Buffer.from('abc').toString('base64')}`],
    ['Basic with a broken escape', {}, basic('%zz', 'x')],
    ['Basic with bytes that are no UTF-8', {}, basic('%ff', 'x')],
    ['Basic with nothing but a colon', {}, basic('', '')],
    ['junk', { client_id: "' or 1=1 --", client_secret: '*' }, undefined],
  ])('or is not known: %s', async (_what, body, authorization) => {
    const answer = await send(body, authorization)
    expect(answer).toMatchObject(INVALID_CLIENT)
    expect(answer.headers['www-authenticate']).toBe('Basic realm="memoric"')
  })
})

describe('a client that is refused', () => {
  test('learns nothing: a wrong secret, an unknown key, one of another client and one that has ended look alike', async () => {
    const owner = await signUp(auth)
    const [key, other, ended] = [await newKey(owner), await newKey(owner), await newKey(owner)]
    await auth.call('DELETE', `/v1/api-keys/${ended.id}`, undefined, owner.caller)
    const unknown = createApiKey('test')
    const answers = [
      await inBody({ ...key, key: withOtherSecret(key.key) }),
      await inBody({ key_id: unknown.keyId, key: unknown.text }),
      await inBody({ ...key, key: other.key }),
      await inBody(ended),
      await inBody({ key_id: 'x', key: 'y' }),
    ]
    const shapes = answers.map(({ status, body, headers }) =>
      JSON.stringify({
        status,
        ...body,
        request_id: '',
        challenge: headers['www-authenticate'],
        cache: headers['cache-control'],
      }),
    )
    expect(new Set(shapes).size).toBe(1)
    expect(answers[0]).toMatchObject(INVALID_CLIENT)
    expect(answers[0]?.headers['cache-control']).toBe('no-store')
  })

  test('costs no query as junk, and one with a wrong secret as without a key', async () => {
    const key = await newKey(await signUp(auth))
    const costOf = async (client_id: string, client_secret: string) => {
      const { deps, flights } = countFlights(auth.deps)
      const body = { grant_type: 'client_credentials', client_id, client_secret }
      const call = { body, headers: {}, params: undefined, query: {}, context: anonymousContext }
      await expect(issueToken(deps)(call)).rejects.toMatchObject({ code: 'invalid_client' })
      return flights()
    }
    const unknown = createApiKey('test')
    expect(await costOf('x', 'y')).toBe(0)
    expect(await costOf(key.key_id, unknown.text)).toBe(0)
    expect(await costOf(key.key_id, `${key.key.slice(0, -1)}${key.key.endsWith('0') ? '1' : '0'}`)).toBe(0)
    expect(await costOf(key.key_id, withOtherSecret(key.key))).toBe(1)
    expect(await costOf(unknown.keyId, unknown.text)).toBe(1)
  })

  test('is named to the gateway, for the log of its tenant', async () => {
    const owner = await signUp(auth)
    const key = await newKey(owner)
    const told = async (sent: ReturnType<typeof inBody>) =>
      JSON.parse(String((await sent).headers[REFUSAL_HEADER])) as unknown
    const wrong = { ...key, key: withOtherSecret(key.key) }
    expect(await told(inBody(wrong))).toEqual({ reason: 'wrong_secret', tenantId: owner.tenantId, principal: null })
    await auth.call('DELETE', `/v1/api-keys/${key.id}`, undefined, owner.caller)
    const principal = { type: 'api_key', id: key.id }
    expect(await told(inBody(key))).toEqual({ reason: 'revoked', tenantId: owner.tenantId, principal })
    const unknown = createApiKey('test')
    const nobody = inBody({ key_id: unknown.keyId, key: unknown.text })
    expect(await told(nobody)).toEqual({ reason: 'unknown', tenantId: null, principal: null })
  })

  test.each([
    ['suspended', ({ tenantId }: Owner) => auth.admin`update tenants set suspended_at = now() where id = ${tenantId}`],
    [
      'without its user',
      ({ userId }: Owner) => auth.admin`update users set deactivated_at = now() where id = ${userId}`,
    ],
  ])('gets no token while it is %s', async (_what, end) => {
    const owner = await signUp(auth)
    const key = await newKey(owner)
    await end(owner)
    expect(await inBody(key)).toMatchObject(INVALID_CLIENT)
    expect(await eventsOf(auth, owner, 'auth.token.issued')).toEqual([])
  })

  test('gets no token from an address that the key or its tenant does not allow', async () => {
    const owner = await signUp(auth)
    const key = await newKey(owner, { ip_allow: ['198.51.100.0/24'] })
    expect((await inBody(key, {}, { clientAddress: '198.51.100.7' })).status).toBe(200)
    const refused = await inBody(key, {}, { clientAddress: '192.0.2.1' })
    expect(refused).toMatchObject({ status: 403, body: { code: 'address_not_allowed', error: 'unauthorized_client' } })
    expect(JSON.parse(String(refused.headers[REFUSAL_HEADER]))).toEqual({
      reason: 'address_not_allowed',
      tenantId: owner.tenantId,
      principal: { type: 'api_key', id: key.id },
    })
    const settings = { ip_allow: ['192.0.2.1', '198.51.100.8'] }
    await auth.call('PATCH', '/v1/tenant', { settings }, owner.caller)
    expect((await inBody(key, {}, { clientAddress: '198.51.100.7' })).status).toBe(403)
    expect((await inBody(key, {}, { clientAddress: '198.51.100.8' })).status).toBe(200)
    expect(await eventsOf(auth, owner, 'auth.token.issued')).toHaveLength(2)
  })
})

describe('a request for a token', () => {
  test.each(['password', 'authorization_code', 'refresh_token', 'Client_Credentials', ''])(
    'is for client_credentials, not for %j',
    async (grant_type) => {
      const key = await newKey(await signUp(auth))
      expect(await inBody(key, { grant_type })).toMatchObject({
        status: 400,
        body: { code: 'unsupported_grant_type', error: 'unsupported_grant_type' },
      })
    },
  )

  test.each([
    'audit:read',
    'memories:read audit:read',
    'memories:*',
    '*',
    'MEMORIES:READ',
    ' ',
    'memories:read  keys:manage',
    'memories:read,keys:manage',
  ])('has no scope that the key does not: %j', async (scope) => {
    const owner = await signUp(auth)
    const key = await newKey(owner)
    const events = await countEvents(auth, owner)
    expect(await inBody(key, { scope })).toMatchObject({
      status: 400,
      body: { code: 'invalid_scope', error: 'invalid_scope' },
    })
    expect(await countEvents(auth, owner)).toBe(events)
  })

  test('has no scope that the user behind the key has lost', async () => {
    const owner = await signUp(auth)
    const admin = await addMember(auth, owner, 'admin')
    const key = await newKey(admin)
    await auth.admin`update users set role = 'read_only' where id = ${admin.userId}`
    expect((await inBody(key)).body['scope']).toBe('memories:read')
    expect((await inBody(key, { scope: 'keys:manage' })).body['error']).toBe('invalid_scope')
    const useless = await newKey(await addMember(auth, owner, 'admin'), { scopes: ['keys:manage'] })
    await auth.admin`update users set role = 'read_only' where tenant_id = ${owner.tenantId}`
    expect((await inBody(useless)).body['error']).toBe('invalid_scope')
  })

  test.each([
    [{ grant_type: undefined }],
    [{ grant_type: 1 }],
    [{ scope: 'x'.repeat(1025) }],
    [{ client_id: 'x'.repeat(65) }],
    [{ client_secret: 'x'.repeat(257) }],
    [{ resource: 'https://example.org' }],
  ])('of the wrong shape is refused: %j', async (more) => {
    const key = await newKey(await signUp(auth))
    expect(await inBody(key, more)).toMatchObject({
      status: 400,
      body: { code: 'validation_failed', error: 'invalid_request' },
    })
  })
})

test('a problem of any other route has no error of OAuth', async () => {
  const { body } = await auth.call('POST', '/v1/auth/login', {})
  expect(body).not.toHaveProperty('error')
})
