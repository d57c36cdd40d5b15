import type { LightMyRequestResponse } from 'fastify'
import { PERMISSIONS } from '@memoric/contracts/permissions.ts'
import { REFUSAL_HEADER } from '@memoric/contracts/refusals.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { problemOf } from './problem-of.ts'
import { json, useGateway } from './use-gateway.ts'

const gateway = useGateway({ PUBLIC_URL: 'https://memoric.example/base/' })
const url = '/v1/auth/token'
const FORM = 'application/x-www-form-urlencoded'

let usual: typeof gateway.auth.answer
beforeEach(() => {
  usual = gateway.auth.answer
  gateway.auth.seen.length = 0
})
afterEach(() => {
  gateway.auth.answer = usual
})

function post(payload: string | Buffer, headers: Record<string, string> = {}, path = url) {
  return gateway.app.inject({ method: 'POST', url: path, payload, headers: { 'content-type': FORM, ...headers } })
}

const forwarded = () => gateway.auth.seen.find((request) => request.url === url)

/** The problem of an answer to an OAuth client. */
function errorOf(answer: LightMyRequestResponse) {
  return problemOf(answer) as ReturnType<typeof problemOf> & { error: string }
}

describe('a form', () => {
  test('reaches auth as JSON', async () => {
    const body = 'grant_type=client_credentials&client_id=a%20b&client_secret=%C3%A9+%2B&scope=memories%3Aread'
    expect((await post(body)).statusCode).toBe(200)
    expect(forwarded()?.headers['content-type']).toBe('application/json')
    expect(JSON.parse(forwarded()!.body.toString())).toEqual({
      grant_type: 'client_credentials',
      client_id: 'a b',
      client_secret: 'é +',
      scope: 'memories:read',
    })
  })

  test.each([`${FORM}; charset=utf-8`, `${FORM};charset=UTF-8`, 'Application/X-WWW-Form-URLEncoded'])(
    'may be called %s',
    async (type) => {
      expect((await post('grant_type=x', { 'content-type': type })).statusCode).toBe(200)
    },
  )

  test('loses parameters without a value and those that nobody knows', async () => {
    await post('grant_type=x&scope=&client_id&audience=y&__proto__=z&constructor=1&&=1&tenant_id=2')
    expect(forwarded()?.body.toString()).toBe('{"grant_type":"x"}')
  })

  test.each([
    ['a parameter twice', 'grant_type=x&grant_type=x'],
    ['a parameter twice, once encoded', 'scope=x&%73cope=y'],
    ['a parameter twice that nobody knows', 'grant_type=x&y=1&y=2'],
    ['a broken escape', 'grant_type=%zz'],
    ['an escape that is cut off', 'grant_type=%4'],
    ['bytes that are no UTF-8', 'grant_type=%ff'],
    ['half of a surrogate pair', 'grant_type=%ED%A0%80'],
    ['a broken escape in a name', '%zz=x'],
  ])('with %s is refused, and reaches nobody', async (_what, body) => {
    expect(errorOf(await post(body))).toMatchObject({
      status: 400,
      code: 'malformed_request',
      error: 'invalid_request',
    })
    expect(forwarded()).toBeUndefined()
  })

  test('of raw bytes that are no UTF-8 is refused', async () => {
    expect((await post(Buffer.from([0x61, 0x3d, 0xff]))).statusCode).toBe(400)
  })

  test('has 64 KiB at most', async () => {
    expect((await post(`scope=${'x'.repeat(65_536 - 6)}`)).statusCode).toBe(200)
    expect(errorOf(await post(`scope=${'x'.repeat(65_536 - 5)}`))).toMatchObject({
      status: 413,
      code: 'payload_too_large',
      error: 'invalid_request',
    })
  })

  test.each(['/v1/auth/login', '/v1/memories', '/v1/auth/refresh', '/v1/api-keys/report-leak'])(
    'is no body for %s',
    async (path) => {
      const answer = await post('grant_type=x', { 'x-api-key': gateway.newKey().text }, path)
      expect(problemOf(answer)).toMatchObject({ status: 415, code: 'unsupported_media_type' })
      expect(problemOf(answer)).not.toHaveProperty('error')
    },
  )
})

describe('a request for a token', () => {
  test('may be JSON', async () => {
    const body = '{"grant_type":"client_credentials"}'
    expect((await post(body, { 'content-type': 'application/json' })).statusCode).toBe(200)
    expect(forwarded()?.body.toString()).toBe(body)
  })

  test.each(['text/plain', 'multipart/form-data; boundary=x', 'application/xml'])('is no %s', async (type) => {
    expect(errorOf(await post('grant_type=x', { 'content-type': type }))).toMatchObject({
      status: 415,
      error: 'invalid_request',
    })
  })

  test('brings Authorization for auth, not for the gateway', async () => {
    const { text } = gateway.newKey()
    for (const authorization of ['Basic YTpi', 'Bearer a.b.c', `Bearer ${text}`, 'x']) {
      gateway.auth.seen.length = 0
      expect((await post('grant_type=x', { authorization })).statusCode).toBe(200)
      expect(forwarded()?.headers.authorization).toBe(authorization)
      expect(gateway.introspections()).toBe(0)
    }
  })

  test('counts as one without a credential, and being too many is an error that OAuth clients understand', async () => {
    const { app } = await gateway.startAnother({ RATE_LIMIT_ANONYMOUS_MAX: '2' })
    const headers = { 'content-type': FORM, 'x-api-key': gateway.newKey().text }
    const send = () => app.inject({ method: 'POST', url, payload: 'grant_type=x', headers })
    expect([(await send()).statusCode, (await send()).statusCode]).toEqual([200, 200])
    expect(errorOf(await send())).toMatchObject({ status: 429, error: 'temporarily_unavailable' })
  })
})

describe('the answer of auth', () => {
  const problem = {
    type: 'urn:memoric:error:invalid_client',
    title: 'x',
    status: 401,
    code: 'invalid_client',
    error: 'invalid_client',
  }
  const refusal = { reason: 'wrong_secret', tenantId: '0198c2f0-0000-7000-8000-000000000001', principal: null }
  const refusing = {
    status: 401,
    headers: {
      'content-type': 'application/problem+json; charset=utf-8',
      'www-authenticate': 'Basic realm="memoric"',
      [REFUSAL_HEADER]: JSON.stringify(refusal),
    },
    body: JSON.stringify(problem),
  }
  const answerToken = () => {
    gateway.auth.answer = (request) => (request.url === url ? refusing : usual(request))
  }

  test('comes with its challenge, and without what it says to the gateway', async () => {
    answerToken()
    const answer = await post('grant_type=x')
    expect(answer.headers['www-authenticate']).toBe('Basic realm="memoric"')
    expect(answer.headers).not.toHaveProperty(REFUSAL_HEADER)
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(JSON.parse(answer.body)).toEqual(problem)
  })

  test('is told to the log of the tenant of the client', async () => {
    answerToken()
    await post('grant_type=x')
    const told = () => gateway.refusals().filter(({ endpoint }) => endpoint === url)
    const { tenantId, reason } = refusal
    const expected = expect.objectContaining({
      type: 'auth.key.rejected',
      tenantId,
      reason,
      statusCode: 401,
    }) as unknown
    await expect.poll(told, { timeout: 5000 }).toContainEqual(expected)
  })

  test.each([
    [undefined, 'application/problem+json; charset=utf-8'],
    ['*/*', 'application/problem+json; charset=utf-8'],
    ['application/problem+json, application/json', 'application/problem+json; charset=utf-8'],
    ['application/json', 'application/json; charset=utf-8'],
  ])('to one who accepts %s is called %s', async (accept, expected) => {
    answerToken()
    const headers = accept === undefined ? {} : { accept }
    expect((await post('grant_type=x', headers)).headers['content-type']).toBe(expected)
    expect((await post('grant_type=%zz', headers)).headers['content-type']).toBe(expected)
  })

  test('elsewhere is a problem for everybody', async () => {
    const answer = await gateway.app.inject({ url: '/v1/memories', headers: { accept: 'application/json' } })
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
  })

  test('with a token is passed on', async () => {
    const token = { access_token: 'x', token_type: 'Bearer', expires_in: 900, scope: 'memories:read' }
    gateway.auth.answer = (request) => (request.url === url ? json(token) : usual(request))
    const answer = await post('grant_type=x')
    expect(answer.json()).toEqual(token)
    expect(answer.headers['cache-control']).toBe('no-store')
  })
})

describe('what OAuth clients are told', () => {
  const path = '/.well-known/oauth-authorization-server'

  test('is where the gateway is reached, and what it offers', async () => {
    const answer = await gateway.app.inject({ url: path, headers: { host: 'evil.example' } })
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(answer.headers['cache-control']).toBe('public, max-age=300')
    expect(answer.json()).toEqual({
      issuer: 'https://memoric.example/base',
      token_endpoint: 'https://memoric.example/base/v1/auth/token',
      jwks_uri: 'https://memoric.example/base/.well-known/jwks.json',
      scopes_supported: PERMISSIONS,
      response_types_supported: [],
      grant_types_supported: ['client_credentials'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      service_documentation: 'https://memoric.example/base/docs',
    })
  })

  test('is counted like anything without a credential', async () => {
    const { app } = await gateway.startAnother({ RATE_LIMIT_ANONYMOUS_MAX: '1' })
    expect((await app.inject({ url: path })).statusCode).toBe(200)
    expect((await app.inject({ url: path })).statusCode).toBe(429)
  })
})
