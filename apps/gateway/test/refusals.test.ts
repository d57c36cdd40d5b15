import { randomUUID } from 'node:crypto'
import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import type { RefusalReport } from '@memoric/contracts/refusals.ts'
import { createApiKey } from '@memoric/crypto/api-key.ts'
import { say } from '@memoric/testkit/raw-http.ts'
import { beforeEach, describe, expect, test } from 'vitest'
import { ok, type StubAnswer } from './stub-service.ts'
import { json, useGateway } from './use-gateway.ts'

const gateway = useGateway()
let key: ReturnType<typeof gateway.newKey>

beforeEach(() => {
  gateway.memory.answer = () => ok
  key = gateway.newKey()
})

const ID = '0198c0de-0000-7000-8000-000000000001'
const anonymous = { type: 'anonymous', id: 'anonymous' }

/** The report of the request with this id. */
async function told(requestId: unknown): Promise<RefusalReport> {
  await gateway.deps.refusals.flush()
  const report = gateway.refusals().find((one) => one.requestId === requestId)
  if (report === undefined) throw new Error('was not told')
  return report
}

/** Everything that was told until now. */
async function allTold(): Promise<RefusalReport[]> {
  await gateway.deps.refusals.flush()
  return gateway.refusals()
}

let addresses = 0

/** An address that no other request comes from: its refusal is told in full. */
function next(): string {
  addresses += 1
  return `203.0.113.${addresses}`
}

function get(url: string, headers: Record<string, string> = {}, remoteAddress = next()) {
  return gateway.app.inject({ url, headers: { 'user-agent': 'a browser', ...headers }, remoteAddress })
}

function refusedBy(code: string, status: number): StubAnswer {
  const headers = { 'content-type': 'application/problem+json; charset=utf-8' }
  return { status, headers, body: JSON.stringify({ code, status }) }
}

describe('a credential that does not stand', () => {
  test('is told in full, to the platform tenant where nobody knows whose it is', async () => {
    const address = next()
    const answer = await get('/v1/memories', { 'x-api-key': createApiKey('test').text }, address)
    const report = await told(answer.headers['x-request-id'])
    expect(report).toMatchObject({
      type: 'auth.key.rejected',
      tenantId: PLATFORM_TENANT,
      principal: anonymous,
      resourceId: null,
      endpoint: '/v1/memories',
      method: 'GET',
      statusCode: 401,
      clientAddress: address,
      userAgent: 'a browser',
      count: 1,
    })
    expect(Math.abs(report.at - Date.now())).toBeLessThan(10_000)
  })

  test.each([
    ['junk for a key', { 'x-api-key': 'junk' }, 'auth.key.rejected', 'invalid_api_key'],
    ['junk for a token', { authorization: 'Bearer a.b.c' }, 'auth.token.rejected', 'invalid_token'],
    ['another scheme', { authorization: 'Basic eDp5' }, 'auth.token.rejected', 'invalid_token'],
    ['two credentials', { 'x-api-key': 'a', authorization: 'Bearer b' }, 'request.refused', 'malformed_request'],
    ['none at all', {}, 'authz.denied', 'authentication_required'],
  ])('%s', async (_what, headers: Record<string, string>, type, reason) => {
    const answer = await get('/v1/memories', headers)
    const report = await told(answer.headers['x-request-id'])
    expect(report).toMatchObject({ type, reason, tenantId: PLATFORM_TENANT, principal: anonymous })
  })

  test('is never told itself', async () => {
    const { text } = createApiKey('test')
    await get('/v1/memories', { 'x-api-key': text })
    await get('/v1/memories', { authorization: 'Bearer aaaa.bbbb.cccc' })
    await allTold()
    const posted = gateway.auth.seen
      .filter(({ url }) => url === '/internal/refusals')
      .map(({ body }) => body.toString())
    expect(posted.join()).not.toContain(text.slice(-40))
    expect(posted).not.toContain('bbbb')
  })
})

describe('what a known caller may not do is told to its tenant', () => {
  test('when the gateway sees it', async () => {
    const { text, grant } = gateway.newKey({ permissions: ['memories:read'] })
    const answer = await gateway.app.inject({
      method: 'DELETE',
      url: `/v1/memories/${ID}`,
      headers: { 'x-api-key': text },
    })
    expect(await told(answer.headers['x-request-id'])).toMatchObject({
      type: 'authz.denied',
      reason: 'permission_denied',
      tenantId: grant.tenantId,
      principal: grant.principal,
      resourceId: ID,
      endpoint: '/v1/memories/:id',
      method: 'DELETE',
      statusCode: 403,
    })
  })

  test.each([
    ['authz.denied', 'permission_denied', 403],
    ['authz.denied', 'subject_not_allowed', 403],
    ['authz.denied', 'namespace_not_allowed', 403],
    ['authz.denied', 'scope_exceeds_creator', 403],
    ['authz.denied', 'address_not_allowed', 403],
    ['request.refused', 'memory_not_found', 404],
    ['request.refused', 'validation_failed', 400],
    ['request.refused', 'malformed_json', 400],
  ])('when a service behind it says %s, %s', async (type, reason, status) => {
    gateway.memory.answer = () => refusedBy(reason, status)
    const answer = await get(`/v1/memories/${ID}`, { 'x-api-key': key.text })
    const { tenantId, principal } = key.grant
    expect(answer.statusCode).toBe(status)
    expect(await told(answer.headers['x-request-id'])).toMatchObject({
      type,
      reason,
      tenantId,
      principal,
      resourceId: ID,
      statusCode: status,
    })
  })

  test('also when the body is too large, or of another type', async () => {
    const headers = { 'x-api-key': key.text, 'content-type': 'application/json' }
    const large = await gateway.app.inject({
      method: 'POST',
      url: '/v1/memories',
      headers,
      payload: Buffer.alloc(1_048_577),
    })
    const xml = await gateway.app.inject({
      method: 'POST',
      url: '/v1/memories',
      headers: { ...headers, 'content-type': 'text/xml' },
      payload: '<x/>',
    })
    const { tenantId } = key.grant
    expect(await told(large.headers['x-request-id'])).toMatchObject({ reason: 'payload_too_large', tenantId })
    expect(await told(xml.headers['x-request-id'])).toMatchObject({ reason: 'unsupported_media_type', tenantId })
  })

  test('and a text in the path that is no id is not repeated', async () => {
    gateway.memory.answer = () => refusedBy('validation_failed', 400)
    const answer = await get('/v1/memories/ada@example.org%00', { 'x-api-key': key.text })
    expect((await told(answer.headers['x-request-id'])).resourceId).toBeNull()
  })

  test('a limit that is used up', async () => {
    const { app, deps } = await gateway.startAnother({ RATE_LIMIT_MAX: '1' })
    const ask = () => app.inject({ url: '/v1/memories', headers: { 'x-api-key': key.text } })
    await ask()
    const answer = await ask()
    expect(answer.statusCode).toBe(429)
    await deps.refusals.flush()
    expect(await told(answer.headers['x-request-id'])).toMatchObject({
      type: 'rate_limit.exceeded',
      reason: 'rate_limited',
      tenantId: key.grant.tenantId,
      principal: key.grant.principal,
    })
  })
})

test.each([
  ['a refresh token that nobody knows', '/v1/auth/refresh', 'invalid_token', 401, 'auth.token.rejected'],
  ['a token of a mail that is not right', '/v1/auth/reset-password', 'invalid_token', 401, 'auth.token.rejected'],
  ['a client that is not known', '/v1/auth/token', 'invalid_client', 401, 'auth.key.rejected'],
  ['a body of the wrong shape', '/v1/auth/login', 'validation_failed', 400, 'request.refused'],
])('%s is told, since auth does not', async (_what, url, code, status, type) => {
  const before = gateway.auth.answer
  gateway.auth.answer = (request) => (request.url === url ? refusedBy(code, status) : before(request))
  const headers = { 'content-type': 'application/json' }
  const answer = await gateway.app.inject({ method: 'POST', url, headers, payload: '{}', remoteAddress: next() })
  gateway.auth.answer = before
  expect(await told(answer.headers['x-request-id'])).toMatchObject({ type, reason: code, tenantId: PLATFORM_TENANT })
})

describe('is not told', () => {
  const quiet: [string, string, string, number][] = [
    ['what auth has told itself: a sign-in that failed', '/v1/auth/login', 'invalid_credentials', 401],
    ['what auth has told itself: a sign-in that is throttled', '/v1/auth/login', 'sign_in_throttled', 429],
    ['what auth has told itself: a tenant that is suspended', '/v1/auth/login', 'tenant_suspended', 403],
    ['what auth has told itself: a token that was used before', '/v1/auth/refresh', 'refresh_token_reused', 401],
    ['what auth has told itself: a wrong code', '/v1/auth/register', 'invalid_code', 401],
    ['a conflict', '/v1/auth/register', 'email_taken', 409],
    ['a rule', '/v1/auth/register', 'weak_password', 422],
  ]
  test.each(quiet)('%s', async (_what, url, code, status) => {
    const before = gateway.auth.answer
    gateway.auth.answer = (request) => (request.url === url ? refusedBy(code, status) : before(request))
    const headers = { 'content-type': 'application/json' }
    const answer = await gateway.app.inject({ method: 'POST', url, headers, payload: '{}' })
    gateway.auth.answer = before
    expect(answer.statusCode).toBe(status)
    expect((await allTold()).map(({ requestId }) => requestId)).not.toContain(answer.headers['x-request-id'])
  })

  test('an address that is nothing, a failure of ours, and what succeeded', async () => {
    const nowhere = await get('/wp-login.php')
    gateway.memory.answer = () => refusedBy('internal_error', 500)
    const failed = await get('/v1/memories', { 'x-api-key': key.text })
    gateway.memory.answer = () => ok
    const fine = await get('/v1/memories', { 'x-api-key': key.text })
    const ids = [nowhere, failed, fine].map(({ headers }) => headers['x-request-id'])
    expect((await allTold()).filter(({ requestId }) => ids.includes(requestId))).toEqual([])
  })

  test('the answer of a service that is no problem of ours', async () => {
    const odd: StubAnswer[] = [
      { status: 403 },
      { status: 403, body: '<html>' },
      { status: 403, body: 'null' },
      json({ code: 'no_such_code' }, 403),
      json({ code: 7 }, 403),
    ]
    for (const answer of odd) {
      gateway.memory.answer = () => answer
      expect((await get('/v1/memories', { 'x-api-key': key.text })).statusCode).toBe(403)
    }
  })
})

describe('what is no request is told as well', () => {
  test.each([
    ['broken HTTP', 'GET / HTTP/9.9\r\n\r\n', 'malformed_request', 400],
    [
      'headers that are too large',
      `GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`,
      'headers_too_large',
      431,
    ],
    [
      'a path that cannot be decoded',
      'GET /v1/memories/%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      'malformed_request',
      400,
    ],
    ['two hosts', 'GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n', 'malformed_request', 400],
  ])('%s', async (_what, bytes, reason, statusCode) => {
    const text = await say(gateway.port, bytes)
    const requestId = /"request_id":"([^"]+)"/.exec(text)?.[1]
    expect(await told(requestId)).toMatchObject({
      type: 'request.refused',
      reason,
      statusCode,
      tenantId: PLATFORM_TENANT,
      clientAddress: '127.0.0.1',
    })
  })
})

describe('many refusals', () => {
  test('of one kind are one report and a number', async () => {
    const address = next()
    await Promise.all(Array.from({ length: 2000 }, () => get('/v1/memories', { 'x-api-key': 'junk' }, address)))
    const reports = (await allTold()).filter(({ clientAddress }) => clientAddress === address)
    expect(reports.reduce((sum, { count }) => sum + count, 0)).toBe(2000)
    expect(reports.length).toBeLessThan(60)
  })

  test('are told by themselves, about a second later', async () => {
    const answer = await get('/v1/memories', { 'x-api-key': 'junk' })
    const find = () => gateway.refusals().some(({ requestId }) => requestId === answer.headers['x-request-id'])
    await expect.poll(find, { timeout: 5000 }).toBe(true)
  })

  test('while auth is away wait for it, and are told then', async () => {
    const { text, grant } = gateway.newKey({ permissions: [] })
    const ask = () => get('/v1/memories', { 'x-api-key': text }, '203.0.113.250')
    await ask()
    await allTold()
    await gateway.auth.stop()
    const during = [await ask(), await ask()]
    expect(during.map(({ statusCode }) => statusCode)).toEqual([403, 403])
    await gateway.auth.start()
    await expect.poll(() => mine().reduce((sum, { count }) => sum + count, 0), { timeout: 15_000 }).toBe(3)

    function mine(): RefusalReport[] {
      return gateway.refusals().filter(({ tenantId }) => tenantId === grant.tenantId)
    }
  })
})

test('what is left when the gateway closes is told', async () => {
  const { app, deps } = await gateway.startAnother({})
  const answer = await app.inject({ url: '/v1/memories', headers: { 'x-api-key': 'junk' } })
  await app.close()
  await deps.refusals.close()
  expect(gateway.refusals().some(({ requestId }) => requestId === answer.headers['x-request-id'])).toBe(true)
})

test('refusals are counted in the metrics by type and reason', async () => {
  const { app } = await gateway.startAnother({ METRICS_TOKEN: 'a-token-for-operators' })
  for (let i = 0; i < 3; i++) await app.inject({ url: '/v1/memories', headers: { 'x-api-key': 'junk' } })
  await app.inject({ url: '/v1/memories', headers: { authorization: `Bearer ${randomUUID()}` } })
  const { body } = await app.inject({ url: '/metrics', headers: { authorization: 'Bearer a-token-for-operators' } })
  expect(body).toContain('memoric_refusals_total{type="auth.key.rejected",reason="invalid_api_key",app="gateway"} 3')
  expect(body).toContain('memoric_refusals_total{type="auth.token.rejected",reason="invalid_token",app="gateway"} 1')
})
