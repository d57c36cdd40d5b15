import { createAccount, createKey } from '@memoric/e2e/accounts.ts'
import { settled } from '@memoric/e2e/settled.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import * as client from 'openid-client'
import { beforeAll, describe, expect, test } from 'vitest'

const stack = useStack()

let owner: Awaited<ReturnType<typeof createAccount>>
let key: Awaited<ReturnType<typeof createKey>>

beforeAll(async () => {
  owner = await createAccount(stack)
  key = await createKey(stack, owner.session, { scopes: ['memories:read', 'memories:write'] })
})

/** What an OAuth client finds out by itself. */
function discover(authentication?: client.ClientAuth, secret = key.key): Promise<client.Configuration> {
  return client.discovery(new URL(stack.settings.urls.gateway), key.key_id, secret, authentication, {
    algorithm: 'oauth2',
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- called so to stand out: this is plain HTTP, on one machine
    execute: [client.allowInsecureRequests],
  })
}

const statusOf = async (token: string) => (await stack.api.call('me', { token })).status
const wrongSecret = () => key.key.slice(0, -7)

describe('openid-client', () => {
  test.each([
    ['HTTP Basic', client.ClientSecretBasic],
    ['the body', client.ClientSecretPost],
  ])('gets a token with the key in %s, which stores and finds memories', async (_how, authentication) => {
    const granted = await client.clientCredentialsGrant(await discover(authentication(key.key)))
    expect(granted).toMatchObject({ token_type: 'bearer', expires_in: 900, scope: 'memories:read memories:write' })
    const token = { token: granted.access_token }
    const body = { content: 'Ada prefers tea', subject_id: 'ada' }
    const stored = await stack.api.call('createMemory', token, { body })
    expect([200, 201]).toContain(stored.status)
    const found = await stack.api.ok('searchMemories', token, { body: { query: 'tea', subject_id: 'ada' } })
    expect(found.results).toHaveLength(1)
    const me = await stack.api.ok('me', token)
    expect(me).toMatchObject({ principal: { type: 'api_key', id: key.id }, user: null, permissions: key.scopes })
  })

  test('gets a token with fewer scopes, which may do no more', async () => {
    const granted = await client.clientCredentialsGrant(await discover(), { scope: 'memories:read' })
    expect(granted.scope).toBe('memories:read')
    const token = { token: granted.access_token }
    expect((await stack.api.call('listMemories', token)).status).toBe(200)
    const refused = await stack.api.call('createMemory', token, { body: { content: 'x' } })
    expect(refused.problem?.code).toBe('permission_denied')
  })

  test('understands that a scope is too much', async () => {
    const asking = client.clientCredentialsGrant(await discover(), { scope: 'memories:read audit:read' })
    await expect(asking).rejects.toMatchObject({ name: 'ResponseBodyError', error: 'invalid_scope', status: 400 })
  })

  test('understands that the client is not known', async () => {
    const asking = client.clientCredentialsGrant(await discover(undefined, wrongSecret()))
    await expect(asking).rejects.toMatchObject({
      name: 'WWWAuthenticateChallengeError',
      status: 401,
      cause: [{ scheme: 'basic' }],
    })
  })

  test('may send what nobody knows, as it is told to ignore it', async () => {
    const granted = await client.clientCredentialsGrant(await discover(), { resource: 'https://memoric.example' })
    expect(await statusOf(granted.access_token)).toBe(200)
  })
})

describe('a request as curl sends it', () => {
  const post = (body: string, headers: Record<string, string> = {}) =>
    fetch(`${stack.settings.urls.gateway}/v1/auth/token`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    })
  const basic = (id: string, secret: string) => ({
    authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
  })

  test('with -u gets a token', async () => {
    const answer = await post('grant_type=client_credentials&scope=memories:read', basic(key.key_id, key.key))
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const { access_token } = (await answer.json()) as { access_token: string }
    expect(await statusOf(access_token)).toBe(200)
  })

  test('with JSON gets a token', async () => {
    const body = { grant_type: 'client_credentials', client_id: key.key_id, client_secret: key.key }
    const { access_token } = await stack.api.ok('issueToken', null, { body })
    expect(await statusOf(access_token)).toBe(200)
  })

  test.each([
    ['another grant', 'grant_type=password', 400, 'unsupported_grant_type'],
    ['no grant', 'scope=memories:read', 400, 'invalid_request'],
    ['a parameter twice', 'grant_type=client_credentials&grant_type=client_credentials', 400, 'invalid_request'],
    ['both ways at once', 'grant_type=client_credentials&client_secret=x', 400, 'invalid_request'],
    ['a scope too much', 'grant_type=client_credentials&scope=admin:*', 400, 'invalid_scope'],
  ])('with %s is refused', async (_what, body, status, error) => {
    const answer = await post(body, basic(key.key_id, key.key))
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
    expect(await answer.json()).toMatchObject({ error, status })
  })
})

describe('a token for an API key', () => {
  test('ends with its key on every gateway', async () => {
    const made = await createKey(stack, owner.session, { scopes: ['memories:read'] })
    const body = { grant_type: 'client_credentials', client_id: made.key_id, client_secret: made.key }
    const { access_token } = await stack.api.ok('issueToken', null, { body })
    expect(await statusOf(access_token)).toBe(200)
    await stack.api.ok('revokeApiKey', owner.session, { params: { id: made.id } })
    await expect.poll(() => statusOf(access_token), { timeout: 5000, interval: 20 }).toBe(401)
  })

  test('ends with its key when that was rotated, and the key with it', async () => {
    const made = await createKey(stack, owner.session, { scopes: ['memories:read'] })
    const body = { grant_type: 'client_credentials', client_id: made.key_id, client_secret: made.key }
    const { access_token } = await stack.api.ok('issueToken', null, { body })
    const keyStatus = async () => (await stack.api.call('me', { apiKey: made.key })).status
    expect([await statusOf(access_token), await keyStatus()]).toEqual([200, 200])
    const next = await stack.api.ok('rotateApiKey', owner.session, {
      params: { id: made.id },
      body: { overlap_seconds: 2 },
    })
    expect((await stack.api.call('me', { apiKey: next.key })).status).toBe(200)
    await expect.poll(keyStatus, { timeout: 10_000, interval: 50 }).toBe(401)
    expect(await statusOf(access_token)).toBe(401)
  })

  test('is used from the addresses of its key only', async () => {
    const limits = { scopes: ['memories:read'] as const, ip_allow: ['203.0.113.0/24'] }
    const made = await createKey(stack, owner.session, limits)
    const body = { grant_type: 'client_credentials', client_id: made.key_id, client_secret: made.key }
    const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })
    expect((await stack.api.call('issueToken', null, { body, ...from('198.51.100.1') })).problem).toMatchObject({
      code: 'address_not_allowed',
      error: 'unauthorized_client',
    })
    const { access_token: token } = await stack.api.ok('issueToken', null, { body, ...from('203.0.113.5') })
    expect((await stack.api.call('me', { token }, from('203.0.113.6'))).status).toBe(200)
    expect((await stack.api.call('me', { token }, from('198.51.100.1'))).problem?.code).toBe('address_not_allowed')
    expect((await stack.api.call('me', { apiKey: made.key }, from('198.51.100.1'))).status).toBe(403)
  })
})

test('tokens and refused clients are in the log of the tenant', async () => {
  const account = await createAccount(stack)
  const made = await createKey(stack, account.session, { scopes: ['memories:read'] })
  const body = { grant_type: 'client_credentials', client_id: made.key_id, client_secret: made.key }
  await stack.api.ok('issueToken', null, { body })
  await stack.api.ok('reportLeak', null, { body: { key: made.key, url: 'https://paste.example/x?y' } })
  expect((await stack.api.call('issueToken', null, { body })).problem).toMatchObject({ error: 'invalid_client' })
  const logOf = async (operation: string) =>
    (await stack.api.ok('listAuditLogs', account.session, { query: { operation } })).items
  await expect.poll(() => logOf('auth.key.rejected'), { timeout: 10_000 }).toHaveLength(1)
  await settled(stack)
  const actor = { actor_type: 'api_key', actor_id: made.id }
  expect(await logOf('auth.key.rejected')).toMatchObject([{ ...actor, reason: 'revoked', status_code: 401 }])
  expect(await logOf('auth.token.issued')).toMatchObject([{ ...actor, resource_id: made.id }])
  expect(await logOf('api_key.leaked')).toMatchObject([
    { resource_id: made.id, details: { key_id: made.key_id, url: 'https://paste.example/x' } },
  ])
})
