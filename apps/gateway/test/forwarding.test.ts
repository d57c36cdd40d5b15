import { caller, IDENTITY_HEADER, REQUEST_ID_HEADER, SERVICE_KEY_HEADER } from '@memoric/contracts/caller.ts'
import { verifyIdentity } from '@memoric/crypto/identity-statement.ts'
import { NOWHERE, PLANTED_HEADERS } from '@memoric/testkit/hostile-requests.ts'
import { answersOf, say } from '@memoric/testkit/raw-http.ts'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { problemOf } from './problem-of.ts'
import { ok, type SeenRequest } from './stub-service.ts'
import { useGateway } from './use-gateway.ts'

const gateway = useGateway()
let key: ReturnType<typeof gateway.newKey>

beforeAll(() => {
  key = gateway.newKey({ subjects: ['anna', 'ben'], namespaces: ['work'] })
})
beforeEach(() => {
  gateway.memory.seen.length = 0
  gateway.auth.seen.length = 0
  gateway.memory.answer = () => ok
})

/** The one request that reached the memory service. */
function forwarded(): SeenRequest {
  expect(gateway.memory.seen).toHaveLength(1)
  return gateway.memory.seen[0]!
}

function statementOf({ headers, method, url: path }: SeenRequest) {
  const statement = String(headers[IDENTITY_HEADER])
  const options = { now: Date.now(), request: { method, path } }
  return caller.parse(verifyIdentity(gateway.serviceKey.secret, 'memory', statement, options))
}

function raw(line: string, headers: readonly string[], body = ''): string {
  return [line, 'host: memoric.test', 'connection: close', `x-api-key: ${key.text}`, ...headers, '', body].join('\r\n')
}

const ours = [
  'connection',
  'content-length',
  'content-type',
  'host',
  IDENTITY_HEADER,
  SERVICE_KEY_HEADER,
  REQUEST_ID_HEADER,
]

describe('what a service is told', () => {
  test('is who calls, as auth says, and where from', async () => {
    const headers = { 'x-api-key': key.text, 'user-agent': 'a browser' }
    await gateway.app.inject({ url: '/v1/memories', headers, remoteAddress: '::ffff:203.0.113.9' })
    const { tenantId, principal, permissions, subjects, namespaces } = key.grant
    const { requestId, ...stated } = statementOf(forwarded())
    expect(stated).toEqual({
      tenantId,
      principal,
      sessionId: null,
      permissions,
      subjects,
      namespaces,
      clientAddress: '203.0.113.9',
      userAgent: 'a browser',
    })
    expect(forwarded().headers[REQUEST_ID_HEADER]).toBe(requestId)
  })

  test('is valid for that request only', async () => {
    await gateway.app.inject({ url: '/v1/memories?limit=5', headers: { 'x-api-key': key.text } })
    const statement = String(forwarded().headers[IDENTITY_HEADER])
    const verify = (method: string, path: string) =>
      verifyIdentity(gateway.serviceKey.secret, 'memory', statement, { now: Date.now(), request: { method, path } })
    expect(verify('GET', '/v1/memories?limit=5')).toBeDefined()
    expect(() => verify('DELETE', '/v1/memories?limit=5')).toThrow()
    expect(() => verify('GET', '/v1/memories?limit=50')).toThrow()
    expect(() => verify('GET', '/v1/audit/logs')).toThrow()
  })

  test('is valid at that service only', async () => {
    await gateway.app.inject({ url: '/v1/memories', headers: { 'x-api-key': key.text } })
    const statement = String(forwarded().headers[IDENTITY_HEADER])
    expect(() => verifyIdentity(gateway.serviceKey.secret, 'audit', statement, { now: Date.now() })).toThrow()
  })

  test('is not the credential of the client', async () => {
    await gateway.app.inject({ url: '/v1/memories', headers: { authorization: `Bearer ${key.text}` } })
    const { rawHeaders } = forwarded()
    expect(rawHeaders.join('\n')).not.toContain(key.text)
    expect(Buffer.from(rawHeaders.join('\n').replaceAll('.', ' '), 'base64url').toString()).not.toContain(key.text)
  })
})

describe('no header of a client becomes one of a service', () => {
  test('whatever its name', async () => {
    const body = '{"content":"x"}'
    const headers = [...PLANTED_HEADERS, 'content-type: application/json', `content-length: ${body.length}`]
    const [answer] = answersOf(await say(gateway.port, raw('POST /v1/memories HTTP/1.1', headers, body)))
    expect(answer?.status).toBe(200)
    const seen = forwarded()
    expect(Object.keys(seen.headers).toSorted()).toEqual(ours)
    expect(seen.rawHeaders.join('\n')).not.toMatch(/forged|evil|198\.51\.100\.1|dead/)
    expect(seen.headers.host).toBe(new URL(gateway.memory.url).host)
    expect(statementOf(seen).clientAddress).toBe('127.0.0.1')
  })

  test('also when Connection names one of ours', async () => {
    const listed = `connection: close, ${IDENTITY_HEADER}, ${SERVICE_KEY_HEADER}, ${REQUEST_ID_HEADER}`
    await say(gateway.port, raw('GET /v1/memories HTTP/1.1', [listed]))
    expect(statementOf(forwarded()).tenantId).toBe(key.grant.tenantId)
    expect(forwarded().headers[SERVICE_KEY_HEADER]).toBe(gateway.serviceKey.text)
  })

  test('nor a trailer', async () => {
    const headers = ['content-type: application/json', 'transfer-encoding: chunked', `trailer: ${IDENTITY_HEADER}`]
    const chunks = `2\r\n{}\r\n0\r\n${IDENTITY_HEADER}: forged\r\nx-tenant-id: forged\r\n\r\n`
    await say(gateway.port, raw('POST /v1/memories HTTP/1.1', headers, chunks))
    const seen = forwarded()
    expect(seen.trailers).toEqual({})
    expect(seen.body.toString()).toBe('{}')
    expect(Object.keys(seen.headers).toSorted()).toEqual(ours)
    expect(statementOf(seen).tenantId).toBe(key.grant.tenantId)
  })

  test('but those that the route names', async () => {
    const url = '/v1/memories/0198c0de-0000-7000-8000-000000000001'
    await gateway.app.inject({ method: 'DELETE', url, headers: { 'x-api-key': key.text, 'if-match': '"3"' } })
    expect(forwarded().headers['if-match']).toBe('"3"')
  })

  test('and these only where the route names them', async () => {
    await gateway.app.inject({ url: '/v1/memories', headers: { 'x-api-key': key.text, 'if-match': '"3"' } })
    expect(forwarded().headers['if-match']).toBeUndefined()
  })
})

describe('the path of a service is built from the route', () => {
  test.each([
    ['GET', '/v1/memories?limit=5&cursor=a%2Fb', '/v1/memories?limit=5&cursor=a%2Fb'],
    ['GET', '/v1/memories/abc', '/v1/memories/abc'],
    ['GET', '/v1/memories/a%2fb', '/v1/memories/a%2Fb'],
    ['GET', '/v1/memories/..%2f..%2finternal%2fintrospect', '/v1/memories/..%2F..%2Finternal%2Fintrospect'],
    ['GET', '/v1/memories/a%00b', '/v1/memories/a%00b'],
    ['GET', '/v1/memories/a%20b', '/v1/memories/a%20b'],
    ['GET', '/v1/memories/a%0d%0ax-tenant-id:%20b', '/v1/memories/a%0D%0Ax-tenant-id%3A%20b'],
    ['GET', '/v1/memories/%25%32%66', '/v1/memories/%252f'],
    ['GET', '/v1/memories/a;b', '/v1/memories/a%3Bb'],
    ['GET', '/v1/memories?x=/../../internal', '/v1/memories?x=/../../internal'],
    ['GET', '/v1/memories?a=1?b=2', '/v1/memories?a=1?b=2'],
  ])('%s %s becomes %s', async (method, from, to) => {
    await say(gateway.port, raw(`${method} ${from} HTTP/1.1`, []))
    expect(forwarded().url).toBe(to)
  })

  test.each(NOWHERE)('%s leads nowhere', async (path) => {
    const [answer] = answersOf(await say(gateway.port, raw(`GET ${path} HTTP/1.1`, [])))
    expect(answer?.status).toBe(404)
    expect(JSON.parse(answer!.body)).toMatchObject({ code: 'route_not_found', status: 404 })
    expect(gateway.memory.seen).toHaveLength(0)
    expect(gateway.auth.seen.filter(({ url }) => !url.startsWith('/internal/'))).toHaveLength(0)
  })

  test.each([
    ['/v1/memories/'],
    ['/v1/memories/..'],
    ['/v1/memories/%2e%2e'],
    ['/v1/memories/.'],
    ['/v1/memories/%2E'],
    ['/v1/memories/..%00/history'],
  ])('%s stays below the memories', async (path) => {
    await say(gateway.port, raw(`GET ${path} HTTP/1.1`, []))
    for (const { url } of gateway.memory.seen) expect(url).toMatch(/^\/v1\/memories\//)
  })

  test.each([
    ['a bad escape', '/v1/memories/%zz'],
    ['half an escape', '/v1/memories/%e0%a4'],
    ['an escape that is no UTF-8', '/v1/memories/%ff'],
    ['a byte that is no ASCII in the path', '/v1/memories/\xff'],
    ['a byte that is no ASCII in the query', '/v1/memories?x=\xff'],
    ['a control character in the query', '/v1/memories?x=\x01'],
    ['DEL in the query', '/v1/memories?x=\x7f'],
    ['a tab', '/v1/mem\tories'],
    ['a space', '/v1/memories?x=a b'],
    ['NUL', '/v1/memories?x=\0'],
    ['a fragment', '/v1/memories?x=1#y'],
    ['a fragment before the query', '/v1/memories#?x=1'],
  ])('%s is no fault of ours', async (_what, path) => {
    const answers = answersOf(await say(gateway.port, raw(`GET ${path} HTTP/1.1`, [])))
    expect(answers).toHaveLength(1)
    expect([200, 400, 404]).toContain(answers[0]!.status)
    for (const { url } of gateway.memory.seen) expect(url).toMatch(/^\/v1\/memories(\/%EF%BF%BD)?(\?[\x21-\xff]*)?$/)
  })

  test.each(['http://evil.example/v1/memories', 'https://evil.example:1/v1/memories', '*', 'evil.example:443'])(
    'a target that is no path (%s) goes nowhere else',
    async (target) => {
      const answers = answersOf(await say(gateway.port, raw(`GET ${target} HTTP/1.1`, [])))
      for (const { status } of answers) expect([200, 400, 404]).toContain(status)
      for (const seen of gateway.memory.seen) {
        expect(seen.url).toBe('/v1/memories')
        expect(seen.headers.host).toBe(new URL(gateway.memory.url).host)
      }
    },
  )

  test.each(['\x80', '"\xe9"', '\x01', 'a\x7fb', ''])('If-Match %j is no fault of ours', async (value) => {
    const line = 'DELETE /v1/memories/0198c0de-0000-7000-8000-000000000001 HTTP/1.1'
    const [answer] = answersOf(await say(gateway.port, raw(line, [`if-match: ${value}`])))
    expect([200, 400]).toContain(answer?.status)
  })
})

describe('an answer', () => {
  test('shows the headers of the list and no other', async () => {
    gateway.memory.answer = () => ({
      status: 201,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        location: '/v1/memories/1',
        etag: '"1"',
        server: 'nginx',
        'x-powered-by': 'x',
        'set-cookie': 'a=b',
        'x-memoric-identity': 'leak',
        'access-control-allow-origin': '*',
        'content-security-policy': 'none',
        'transfer-encoding': 'chunked',
      },
      body: '{}',
    })
    const { headers, statusCode } = await gateway.app.inject({
      url: '/v1/memories',
      headers: { 'x-api-key': key.text },
    })
    expect(statusCode).toBe(201)
    expect(headers).toMatchObject({ location: '/v1/memories/1', etag: '"1"', 'content-length': '2' })
    for (const name of ['server', 'x-powered-by', 'set-cookie', 'x-memoric-identity', 'access-control-allow-origin'])
      expect(headers[name]).toBeUndefined()
    expect(headers['content-security-policy']).toBe("default-src 'none';frame-ancestors 'none'")
  })

  test('may not be kept by anything on its way, unless the service says so', async () => {
    const headers = { 'x-api-key': key.text }
    expect((await gateway.app.inject({ url: '/v1/memories', headers })).headers['cache-control']).toBe('no-store')
    gateway.memory.answer = () => ({ ...ok, headers: { ...ok.headers, 'cache-control': 'private, max-age=1' } })
    expect((await gateway.app.inject({ url: '/v1/memories', headers })).headers['cache-control']).toBe(
      'private, max-age=1',
    )
  })

  test('carries the id under which the service and the log know the request', async () => {
    const answer = await gateway.app.inject({ url: '/v1/memories', headers: { 'x-api-key': key.text } })
    expect(answer.headers['x-request-id']).toBe(forwarded().headers[REQUEST_ID_HEADER])
  })

  test('without a body has none', async () => {
    gateway.memory.answer = () => ({ status: 204 })
    const url = '/v1/memories/0198c0de-0000-7000-8000-000000000001'
    const answer = await gateway.app.inject({ method: 'DELETE', url, headers: { 'x-api-key': key.text } })
    expect(answer.statusCode).toBe(204)
    expect(answer.body).toBe('')
  })
})

describe('when a service is not well', () => {
  const ask = () => gateway.app.inject({ url: '/v1/memories', headers: { 'x-api-key': key.text } })

  test('an address where nobody listens is 503 with Retry-After', async () => {
    await gateway.memory.stop()
    const answer = await ask()
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['retry-after']).toBe('1')
    expect(problemOf(answer)).toMatchObject({ code: 'service_unavailable' })
    expect(answer.body).not.toMatch(/ECONN|127\.0\.0\.1|stack/)
    await gateway.memory.start()
    expect((await ask()).statusCode).toBe(200)
  })

  test('a connection that ends without an answer is 503 with Retry-After', async () => {
    gateway.memory.answer = () => undefined
    const answer = await ask()
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['retry-after']).toBe('1')
  })

  test('a service that refuses the gateway itself is 502, not the fault of the caller', async () => {
    gateway.memory.answer = () => ({
      status: 401,
      headers: { 'content-type': 'application/problem+json' },
      body: JSON.stringify({ code: 'invalid_service_identity' }),
    })
    const answer = await ask()
    expect(answer.statusCode).toBe(502)
    expect(problemOf(answer).code).toBe('bad_upstream')
    expect(answer.headers['www-authenticate']).toBeUndefined()
  })

  test.each([
    ['refuses the gateway', { status: 401, body: '{"code":"invalid_service_identity"}' }, 502, 'bad_upstream'],
    ['answers no JSON', { status: 200, body: 'hello' }, 502, 'bad_upstream'],
    ['answers half a grant', { status: 200, body: '{"grant":{"tenantId":"x"}}' }, 502, 'bad_upstream'],
    ['answers something else', { status: 404, body: '{}' }, 502, 'bad_upstream'],
    ['answers 500', { status: 500, body: '{}' }, 503, 'service_unavailable'],
    ['closes the connection', undefined, 503, 'service_unavailable'],
  ])('nobody gets in while auth %s', async (_what, answer, status, code) => {
    const before = gateway.auth.answer
    gateway.auth.answer = () => answer
    const { text } = gateway.newKey()
    const refused = await gateway.app.inject({ url: '/v1/memories', headers: { 'x-api-key': text } })
    gateway.auth.answer = before
    expect(refused.statusCode).toBe(status)
    expect(problemOf(refused).code).toBe(code)
    expect(gateway.memory.seen).toHaveLength(0)
  })

  test('readiness says so, and how much it says depends on the token', async () => {
    const { app } = await gateway.startAnother({ METRICS_TOKEN: 'a-token-for-operators' })
    await gateway.memory.stop()
    const stranger = await app.inject('/ready')
    const operator = await app.inject({ url: '/ready', headers: { authorization: 'Bearer a-token-for-operators' } })
    await gateway.memory.start()
    expect(stranger.statusCode).toBe(503)
    expect(stranger.headers['retry-after']).toBe('1')
    expect(stranger.json()).toEqual({ status: 'not_ready' })
    expect(operator.json()).toMatchObject({ checks: { auth: 'ok', memory: 'failed', audit: 'ok' } })
    expect((await app.inject('/health')).statusCode).toBe(200)
  })

  test('without the audit service alone the rest goes on, and readiness says so', async () => {
    const { app } = await gateway.startAnother({})
    await gateway.audit.stop()
    await expect.poll(async () => (await app.inject('/ready')).json<object>()).toEqual({ status: 'degraded' })
    expect((await app.inject('/ready')).statusCode).toBe(200)
    await gateway.audit.start()
  })
})
