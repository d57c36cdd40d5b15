import { createAccount, PASSWORD, register } from '@memoric/e2e/accounts.ts'
import { settled } from '@memoric/e2e/settled.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { AUDIT_KEY_PATH } from '@memoric/contracts/well-known.ts'
import { parseVerifierKey } from '@memoric/crypto/signed-note.ts'
import { verifyExport } from '@memoric/verifier/verify-export.ts'
import { verifyProof } from '@memoric/verifier/verify-proof.ts'
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'

const stack = useStack()

const ADDRESS = '203.0.113.5'
/** The proxy before the gateway, which the stack trusts, says where a request comes from. */
const from = { headers: { 'x-forwarded-for': `198.51.100.66, ${ADDRESS}`, 'user-agent': 'a careful client' } }

test('all that happens in a tenant is in its log: each event once, with who, where, what and from which address', async () => {
  const { api } = stack
  const email = `${randomUUID()}@example.org`
  const registration = { email, password: PASSWORD, tenant_name: 'Acme', display_name: 'Anna' }
  const { user, tenant } = await api.ok('register', null, { body: registration, ...from })
  const signedIn = await api.ok('login', null, { body: { email, password: PASSWORD }, ...from })
  const session = { token: signedIn.access_token }
  expect((await api.ok('me', session)).user).toEqual({ ...user, last_sign_in_at: expect.any(String) as string })

  const scopes = ['memories:read', 'memories:write', 'memories:delete', 'audit:read']
  const made = await api.ok('createApiKey', session, { body: { name: 'agent', scopes }, ...from })
  const key = { apiKey: made.key }
  const content = 'Anna prefers tea over coffee in the morning'
  const body = { content, subject_id: 'anna', tags: ['drinks'], metadata: { source: 'chat' } }
  const memory = await api.ok('createMemory', key, { body, ...from })
  expect(memory).toMatchObject({ content, subject_id: 'anna', tenant_id: tenant.id, version: 1, tags: ['drinks'] })

  const search = { query: 'what does she drink: tea or coffee?', subject_id: 'anna', explain: true }
  const found = await api.ok('searchMemories', key, { body: search, ...from })
  expect(found.results.map((result) => result.memory.id)).toEqual([memory.id])
  expect((await api.ok('listMemories', key, { query: { subject_id: 'anna' }, ...from })).items).toHaveLength(1)
  expect(await api.ok('getMemory', key, { params: { id: memory.id }, ...from })).toEqual(memory)

  const id = { id: memory.id }
  const change = { body: { content: 'Anna switched to coffee' }, params: id }
  const changed = await api.ok('updateMemory', key, { ...change, headers: { ...from.headers, 'if-match': '"1"' } })
  expect(changed).toMatchObject({ version: 2, content: 'Anna switched to coffee', tags: ['drinks'] })
  const stale = await api.call('updateMemory', key, { ...change, headers: { 'if-match': '"1"' } })
  expect(stale.problem).toMatchObject({ code: 'version_mismatch', status: 412 })
  const history = await api.ok('getMemoryHistory', key, { params: id, ...from })
  expect(history.items.map((item) => item.content)).toEqual(['Anna switched to coffee', content])
  await api.ok('deleteMemory', key, { params: id, ...from })
  expect((await api.call('getMemory', key, { params: id })).status).toBe(404)
  expect((await api.ok('searchMemories', key, { body: search })).results).toEqual([])

  const renewed = await api.ok('refresh', null, { body: { refresh_token: signedIn.refresh_token }, ...from })
  const next = { token: renewed.access_token }
  await api.ok('revokeApiKey', next, { params: { id: made.id }, ...from })
  const wrong = await api.call('login', null, { body: { email, password: 'not the right password' }, ...from })
  expect(wrong.problem?.code).toBe('invalid_credentials')
  await settled(stack)
  const log = await api.ok('listAuditLogs', next, { query: { limit: '200' } })
  await api.ok('logout', null, { body: { refresh_token: renewed.refresh_token }, ...from })

  const byUser = {
    actor_type: 'user',
    actor_id: user.id,
    outcome: 'success',
    ip_address: ADDRESS,
    user_agent: 'a careful client',
  }
  const byKey = { ...byUser, actor_type: 'api_key', actor_id: made.id }
  const memories = '/v1/memories'
  const one = `${memories}/:id`
  const expected = [
    {
      ...byUser,
      operation: 'auth.registered',
      method: 'POST',
      endpoint: '/v1/auth/register',
      status_code: 201,
      resource_id: tenant.id,
      email,
    },
    {
      ...byUser,
      operation: 'auth.login.succeeded',
      method: 'POST',
      endpoint: '/v1/auth/login',
      status_code: 200,
      email,
    },
    {
      ...byUser,
      operation: 'api_key.created',
      method: 'POST',
      endpoint: '/v1/api-keys',
      status_code: 201,
      resource_id: made.id,
    },
    {
      ...byKey,
      operation: 'memory.created',
      method: 'POST',
      endpoint: memories,
      status_code: 201,
      resource_id: memory.id,
    },
    {
      ...byKey,
      operation: 'memory.searched',
      method: 'POST',
      endpoint: `${memories}/search`,
      status_code: 200,
      resource_id: 'anna',
    },
    { ...byKey, operation: 'memory.listed', method: 'GET', endpoint: memories, status_code: 200 },
    { ...byKey, operation: 'memory.read', method: 'GET', endpoint: one, status_code: 200, resource_id: memory.id },
    { ...byKey, operation: 'memory.updated', method: 'PATCH', endpoint: one, status_code: 200, resource_id: memory.id },
    {
      ...byKey,
      operation: 'memory.history_read',
      method: 'GET',
      endpoint: `${one}/history`,
      status_code: 200,
      resource_id: memory.id,
    },
    {
      ...byKey,
      operation: 'memory.deleted',
      method: 'DELETE',
      endpoint: one,
      status_code: 204,
      resource_id: memory.id,
    },
    { ...byUser, operation: 'auth.token.refreshed', method: 'POST', endpoint: '/v1/auth/refresh', status_code: 200 },
    {
      ...byUser,
      operation: 'api_key.revoked',
      method: 'DELETE',
      endpoint: '/v1/api-keys/:id',
      status_code: 204,
      resource_id: made.id,
    },
    {
      operation: 'auth.login.failed',
      actor_type: 'anonymous',
      outcome: 'failure',
      status_code: 401,
      ip_address: ADDRESS,
      email,
      resource_id: user.id,
    },
  ]
  const { items } = log
  for (const entry of expected) {
    const same = items.filter((item) => item.operation === entry.operation && item.ip_address === ADDRESS)
    expect(same, entry.operation).toEqual([expect.objectContaining(entry)])
  }
  expect(items.filter((item) => item.ip_address === ADDRESS)).toHaveLength(expected.length)
  expect(items.every((item) => item.tenant_id === tenant.id)).toBe(true)
  expect(items.map((item) => item.tenant_seq)).toEqual(items.map((_, at) => items.length - at))
  expect(JSON.stringify(items)).not.toMatch(/coffee|correct horse|mk_local_\w{16}_|Bearer/)
})

test('an export of a subject goes through the gateway line by line, and its way is in the log', async () => {
  const account = await createAccount(stack)
  const items = Array.from({ length: 500 }, (_, n) => ({
    content: `memory ${n} ${'x'.repeat(2000)}`,
    subject_id: 'ada',
  }))
  await stack.api.ok('createMemories', account.key, { body: { items } })
  const { id } = await stack.api.ok('startExport', account.key, { body: { subject_id: 'ada' } })
  const state = async () => (await stack.api.ok('getExport', account.key, { params: { id } })).state
  await expect.poll(state, { timeout: 20_000 }).toBe('made')
  const { text } = await stack.api.call('downloadExport', account.key, { params: { id } })
  const lines = text.trimEnd().split('\n')
  expect(lines).toHaveLength(502)
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ type: 'trailer', counts: { memory: 500 } })
  const stranger = await createAccount(stack)
  const refused = await stack.api.call('downloadExport', stranger.key, { params: { id } })
  expect(refused.problem?.code).toBe('export_not_found')
  await settled(stack)
  const { items: told } = await stack.api.ok('listAuditLogs', account.session)
  const types = told.filter(({ resource_id }) => resource_id === id).map(({ operation }) => operation)
  expect(types.toSorted()).toEqual(['export.downloaded', 'export.made', 'export.requested'])
})

test('reading the log is in the log', async () => {
  const account = await createAccount(stack)
  await stack.api.ok('listAuditLogs', account.key)
  await settled(stack)
  const { items } = await stack.api.ok('listAuditLogs', account.key, { query: { operation: 'audit.read' } })
  expect(items).toHaveLength(1)
  expect(items[0]).toMatchObject({ actor_type: 'api_key', actor_id: account.keyId, endpoint: '/v1/audit/logs' })
})

test('signing out ends the access of a session that every cache knows', async () => {
  const account = await register(stack)
  await stack.api.ok('me', account.session)
  await stack.api.ok('logout', null, { body: { refresh_token: account.refreshToken } })
  await expect.poll(() => statusOf(account.session), { timeout: 5000, interval: 20 }).toBe(401)
  const again = await stack.api.call('refresh', null, { body: { refresh_token: account.refreshToken } })
  expect(again.problem?.code).toBe('invalid_token')
})

test('revoking a key ends the access of that key and of no other', async () => {
  const account = await createAccount(stack)
  const other = await stack.api.ok('createApiKey', account.session, { body: { name: 'b', scopes: ['memories:read'] } })
  await stack.api.ok('me', account.key)
  await stack.api.ok('me', { apiKey: other.key })
  await stack.api.ok('revokeApiKey', account.session, { params: { id: account.keyId } })
  await expect.poll(() => statusOf(account.key), { timeout: 5000, interval: 20 }).toBe(401)
  expect(await statusOf({ apiKey: other.key })).toBe(200)
  expect(await statusOf(account.session)).toBe(200)
})

test('a used refresh token that comes back later ends the session for thief and owner', async () => {
  const account = await register(stack)
  const refresh = (token: string) => stack.api.call('refresh', null, { body: { refresh_token: token } })
  const next = await stack.api.ok('refresh', null, { body: { refresh_token: account.refreshToken } })
  await stack.admin.auth`update refresh_tokens set used_at = used_at - interval '1 minute' where used_at is not null`
  expect((await refresh(account.refreshToken)).problem?.code).toBe('refresh_token_reused')
  await expect.poll(() => statusOf({ token: next.access_token }), { timeout: 5000, interval: 20 }).toBe(401)
  expect((await refresh(next.refresh_token)).status).toBe(401)
})

test('a session goes on over twenty refreshes, and each access token works', async () => {
  const account = await register(stack)
  let token = account.refreshToken
  for (let i = 0; i < 20; i++) {
    const pair = await stack.api.ok('refresh', null, { body: { refresh_token: token } })
    expect((await stack.api.ok('me', { token: pair.access_token })).principal.id).toBe(account.userId)
    token = pair.refresh_token
  }
})

test('twenty refreshes at once with one token are one session, and nobody is signed out', async () => {
  const account = await register(stack)
  const body = { refresh_token: account.refreshToken }
  const pairs = await Promise.all(Array.from({ length: 20 }, () => stack.api.ok('refresh', null, { body })))
  expect(new Set(pairs.map((pair) => pair.refresh_token)).size).toBe(1)
  expect(await statusOf({ token: pairs[0]!.access_token })).toBe(200)
})

describe('a key with long lists of subjects and namespaces', () => {
  const names = (count: number, letter: string) =>
    Array.from({ length: count }, (_, i) => letter.repeat(60) + String(i))
  const body = { name: 'x'.repeat(100), scopes: ['memories:read', 'memories:write'] }

  test('works for as long as it can be made', async () => {
    const account = await register(stack)
    const limits = { subjects: names(17, '😀'), namespaces: names(28, 'ж') }
    const made = await stack.api.ok('createApiKey', account.session, { body: { ...body, ...limits } })
    const memory = { content: 'x', subject_id: limits.subjects[16], namespace: limits.namespaces[27] }
    const query = { cursor: 'x'.repeat(500), before: '2026-01-01T00:00:00Z' }
    expect((await stack.api.call('createMemory', { apiKey: made.key }, { body: memory })).status).toBe(201)
    expect((await stack.api.call('listMemories', { apiKey: made.key }, { query })).problem?.code).toBe('invalid_cursor')
  })

  test('that no request could carry is not made', async () => {
    const account = await register(stack)
    const limits = { subjects: names(100, '😀'), namespaces: names(100, 'ж') }
    const refused = await stack.api.call('createApiKey', account.session, { body: { ...body, ...limits } })
    expect(refused.problem).toMatchObject({ code: 'rule_violated', status: 422 })
  })
})

async function statusOf(credential: Parameters<typeof stack.api.call>[1]): Promise<number> {
  return (await stack.api.call('me', credential)).status
}

test('a request that comes again with its Idempotency-Key is answered again, and says so', async () => {
  const { api } = stack
  const account = await createAccount(stack)
  const request = { body: { content: 'sent twice', on_duplicate: 'create' }, headers: { 'idempotency-key': '"a key"' } }
  const first = await api.call('createMemory', account.key, request)
  const again = await api.call('createMemory', account.key, request)
  expect([first.status, first.headers['idempotent-replayed']]).toEqual([201, undefined])
  expect([again.status, again.headers['idempotent-replayed']]).toEqual([201, 'true'])
  expect([again.body, again.headers['location']]).toEqual([first.body, first.headers['location']])
  const other = await api.call('createMemory', account.session, request)
  expect([other.status, other.headers['idempotent-replayed']]).toEqual([201, undefined])
})

test('a batch of 500 memories of 32 KiB goes through', async () => {
  const account = await createAccount(stack)
  const items = Array.from({ length: 500 }, (_, at) => ({ content: `${at} `.padEnd(32_768, 'x') }))
  const answer = await stack.api.ok('createMemories', account.key, { body: { items } })
  expect(answer.items.map(({ memory }) => memory?.seq)).toEqual(items.map((_, at) => at + 1))
}, 60_000)

test('what happened is proven to anybody who has the public key of the log, event by event and all of it', async () => {
  const account = await register(stack)
  await stack.api.ok('createMemory', account.session, { body: { content: 'to be proven', subject_id: 'anna' } })
  await settled(stack)
  const { gateway } = stack.settings.urls
  const keys = await (await fetch(gateway + AUDIT_KEY_PATH)).text()
  const verifiers = keys.trimEnd().split('\n').map(parseVerifierKey)
  const renewed = await stack.api.ok('refresh', null, { body: { refresh_token: account.refreshToken } })
  const authorization = `Bearer ${renewed.access_token}`
  const read = async (path: string) => (await fetch(gateway + path, { headers: { authorization } })).text()
  const { items } = await stack.api.ok('listAuditLogs', account.session)
  const created = items.find(({ operation }) => operation === 'memory.created')
  const proof = await read(`/v1/audit/proof/${created?.event_id}`)
  expect(verifyProof(proof, undefined, verifiers)).toMatchObject({ findings: [], index: created?.log_index })
  expect(await read('/v1/audit/checkpoint')).toMatch(/^\S+\n\d+\n\S{44}\n\n\u2014 /)
  const report = await verifyExport((await read('/v1/audit/export')).trimEnd().split('\n'), { verifiers })
  expect(report).toMatchObject({ findings: [], dropped: 0 })
  expect(report.lines).toBeGreaterThanOrEqual(items.length)
})
