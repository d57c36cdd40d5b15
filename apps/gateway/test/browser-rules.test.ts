import type { FastifyInstance, InjectOptions } from 'fastify'
import { answersOf, say } from '@memoric/testkit/raw-http.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import { json, type RunningGateway, useGateway } from './use-gateway.ts'

const ORIGIN = 'https://app.example'
const gateway = useGateway({ CORS_ORIGINS: `${ORIGIN}, https://admin.example` })
let apiKey: string
let withoutOrigins: RunningGateway
let behindHttps: RunningGateway

beforeAll(async () => {
  apiKey = gateway.newKey().text
  withoutOrigins = await gateway.startAnother({})
  behindHttps = await gateway.startAnother({ PUBLIC_HTTPS: 'true' })
})

function ask(origin: string | undefined, app: FastifyInstance = gateway.app) {
  return app.inject({ url: '/v1/memories', headers: { 'x-api-key': apiKey, ...(origin !== undefined && { origin }) } })
}

function preflight(origin: string, app: FastifyInstance = gateway.app) {
  const headers = {
    origin,
    'access-control-request-method': 'PATCH',
    'access-control-request-headers': 'authorization, if-match, x-evil',
  }
  return app.inject({ method: 'OPTIONS', url: '/v1/memories', headers })
}

describe('a web page', () => {
  test('of a listed origin may read answers', async () => {
    const { headers } = await ask(ORIGIN)
    expect(headers['access-control-allow-origin']).toBe(ORIGIN)
    expect(String(headers['vary'])).toMatch(/origin/i)
    expect(String(headers['access-control-expose-headers'])).toContain('etag')
  })

  test('of a listed origin may send what the API understands, and nothing more', async () => {
    const { headers, statusCode } = await preflight(ORIGIN)
    expect(statusCode).toBe(204)
    expect(headers['access-control-allow-origin']).toBe(ORIGIN)
    expect(String(headers['access-control-allow-methods'])).toContain('PATCH')
    expect(headers['access-control-allow-headers']).toBe(
      'authorization, content-type, idempotency-key, if-match, last-event-id, traceparent, x-api-key, x-memoric-reason',
    )
  })

  test.each([
    'https://evil.example',
    'https://app.example.evil.example',
    'https://evil-app.example',
    'https://APP.example.',
    'http://app.example',
    'https://app.example:8443',
    'https://app.example/',
    'https://app.example, https://evil.example',
    'null',
    '*',
    '',
  ])('of %j may not', async (origin) => {
    expect((await ask(origin)).headers['access-control-allow-origin']).toBeUndefined()
    expect((await preflight(origin)).headers['access-control-allow-origin']).toBeUndefined()
  })

  test('never gets cookies or other credentials allowed', async () => {
    for (const answer of [await ask(ORIGIN), await preflight(ORIGIN), await ask('null')])
      expect(answer.headers['access-control-allow-credentials']).toBeUndefined()
  })

  test('gets nothing when no origin is listed', async () => {
    const { headers } = await ask(ORIGIN, withoutOrigins.app)
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    const asked = await preflight(ORIGIN, withoutOrigins.app)
    expect(asked.statusCode).toBe(404)
    expect(asked.headers['access-control-allow-origin']).toBeUndefined()
  })
})

const SAFE_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'SAMEORIGIN',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}

describe('every kind of answer tells browsers to be careful', () => {
  test.each<[string, number, () => InjectOptions]>([
    ['an address that cannot be decoded', 400, () => ({ url: '/v1/memories/%zz' })],
    ['an address that is too long', 404, () => ({ url: `/v1/memories/${'a'.repeat(1000)}` })],
  ])('%s, which no plugin gets to see', async (_what, status, request) => {
    const { statusCode, headers } = await gateway.app.inject(request())
    expect(statusCode).toBe(status)
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect(headers['content-security-policy']).toBe("default-src 'none';frame-ancestors 'none'")
    expect(headers['cache-control']).toBe('no-store')
  })

  test.each<[string, number, () => InjectOptions]>([
    ['what a service answered', 200, () => ({ url: '/v1/memories', headers: { 'x-api-key': apiKey } })],
    ['an address that does not exist', 404, () => ({ url: '/nothing' })],
    ['a missing credential', 401, () => ({ url: '/v1/memories' })],
    ['a body of the wrong type', 415, () => post('text/plain', 'x')],
    ['a body that is too large', 413, () => post('application/json', 'x'.repeat(1_048_577))],
    ['the documentation', 200, () => ({ url: '/docs' })],
    ['the description of the API', 200, () => ({ url: '/openapi.json' })],
    ['health', 200, () => ({ url: '/health' })],
    ['readiness', 200, () => ({ url: '/ready' })],
    ['metrics', 404, () => ({ url: '/metrics' })],
    ['the public keys', 200, () => ({ url: '/.well-known/jwks.json' })],
  ])('%s', async (_what, status, request) => {
    const { statusCode, headers } = await gateway.app.inject(request())
    expect(statusCode).toBe(status)
    expect(headers).toMatchObject(SAFE_HEADERS)
    expect(String(headers['content-security-policy'])).toMatch(/default-src '(none|self)'/)
    expect(headers['x-powered-by']).toBeUndefined()
    expect(headers['server']).toBeUndefined()
    expect(headers['strict-transport-security']).toBeUndefined()
  })

  test('what a broken service answered', async () => {
    const before = gateway.memory.answer
    gateway.memory.answer = () => json({ code: 'internal_error' }, 500)
    const { headers } = await gateway.app.inject({ url: '/v1/memories', headers: { 'x-api-key': apiKey } })
    gateway.memory.answer = before
    expect(headers).toMatchObject(SAFE_HEADERS)
  })

  test('what is no HTTP', async () => {
    const [answer] = answersOf(await say(gateway.port, 'hello\r\n\r\n'))
    expect(answer?.status).toBe(400)
    expect(answer?.head.toLowerCase()).toContain('x-content-type-options: nosniff')
  })

  test('and to come back over HTTPS only, where there is HTTPS', async () => {
    for (const url of ['/health', '/v1/memories', '/nothing']) {
      const { headers } = await behindHttps.app.inject(url)
      expect(headers['strict-transport-security']).toBe('max-age=31536000; includeSubDomains')
    }
  })
})

function post(contentType: string, payload: string): InjectOptions {
  const headers = { 'x-api-key': apiKey, 'content-type': contentType }
  return { method: 'POST', url: '/v1/memories', headers, payload }
}
