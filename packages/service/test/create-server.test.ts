import { gzipSync } from 'node:zlib'
import { problem as problemSchema } from '@memoric/contracts/error-codes.ts'
import type { FastifyInstance } from 'fastify'
import { describe, expect, test } from 'vitest'
import { AppError } from '../src/app-error.ts'
import { captureLog } from './captured-log.ts'
import { problemFrom, testServer } from './test-server.ts'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const json = { 'content-type': 'application/json' }

async function echoServer(): Promise<FastifyInstance> {
  const app = await testServer()
  app.post('/echo', (request) => ({ body: request.body ?? null }))
  app.get('/items/:id', (request) => ({ params: request.params }))
  return app
}

describe('a server answers as a problem', () => {
  test.each([
    ['an unknown address', 404, 'route_not_found', { method: 'GET', url: '/nothing' }],
    ['a method that an address does not have', 404, 'route_not_found', { method: 'DELETE', url: '/echo' }],
    [
      'a body of another type',
      415,
      'unsupported_media_type',
      { headers: { 'content-type': 'text/plain' }, payload: 'x' },
    ],
    ['XML', 415, 'unsupported_media_type', { headers: { 'content-type': 'application/xml' }, payload: '<x/>' }],
    ['a form', 415, 'unsupported_media_type', { headers: { 'content-type': 'multipart/form-data' }, payload: 'x' }],
    [
      'a type that only begins alike',
      415,
      'unsupported_media_type',
      { headers: { 'content-type': 'application/jsonx' }, payload: '{}' },
    ],
    [
      'a type with a tab',
      415,
      'unsupported_media_type',
      { headers: { 'content-type': 'application/json\t+x' }, payload: '{}' },
    ],
    [
      'a compressed body',
      415,
      'unsupported_media_type',
      { headers: { ...json, 'content-encoding': 'gzip' }, payload: gzipSync('{}') },
    ],
    ['a body without a type', 415, 'unsupported_media_type', { payload: Buffer.from('{}') }],
    ['a body over the limit', 413, 'payload_too_large', { headers: json, payload: `"${'x'.repeat(1_048_575)}"` }],
    ['malformed JSON', 400, 'malformed_json', { headers: json, payload: '{"a":' }],
    ['a key named twice', 400, 'malformed_json', { headers: json, payload: '{"a":1,"a":2}' }],
    ['a malformed address', 400, 'malformed_request', { method: 'GET', url: '/items/%zz' }],
    ['an over-long part of an address', 404, 'route_not_found', { method: 'GET', url: `/items/${'x'.repeat(257)}` }],
  ] as const)('%s', async (_what, status, code, request) => {
    const app = await echoServer()
    const answer = await problemFrom(app, { method: 'POST', url: '/echo', ...request })
    expect(answer).toMatchObject({ status, problem: { status, code, type: `urn:memoric:error:${code}` } })
    expect(problemSchema.strict().safeParse(answer.problem).error).toBeUndefined()
    expect(answer.problem.request_id).toMatch(UUID_V7)
  })

  test('an error that it knows, with detail, faults and when to try again', async () => {
    const app = await testServer()
    const errors = [{ pointer: '/a', message: 'is wrong' }]
    app.get('/', () => {
      throw new AppError('rate_limited', { detail: 'too fast', errors, retryAfter: 7 })
    })
    const { status, headers, problem } = await problemFrom(app, { url: '/' })
    expect({ status, retryAfter: headers['retry-after'] }).toEqual({ status: 429, retryAfter: '7' })
    expect(problem).toMatchObject({ code: 'rate_limited', detail: 'too fast', errors })
  })

  test('a missing credential, with the challenge that HTTP asks for', async () => {
    const app = await testServer()
    app.get('/', () => {
      throw new AppError('authentication_required')
    })
    const { status, headers } = await problemFrom(app, { url: '/' })
    expect({ status, challenge: headers['www-authenticate'] }).toEqual({ status: 401, challenge: 'Bearer' })
  })

  test.each([
    ['an Error', () => new Error('select planted_secret from users')],
    ['an error that claims a server status', () => Object.assign(new Error('planted_secret'), { statusCode: 503 })],
    ['an error with a code of its own', () => Object.assign(new Error('planted_secret'), { code: '23505' })],
    ['a string', () => 'planted_secret'],
    ['null', () => null],
    ['an object', () => ({ secret: 'planted_secret' })],
  ])('%s that nobody expected: 500 without its message or stack', async (_what, thrown) => {
    const app = await testServer()
    app.get('/', () => Promise.reject(thrown() as Error))
    const { status, problem } = await problemFrom(app, { url: '/' })
    expect(status).toBe(500)
    expect(Object.keys(problem).sort()).toEqual(['code', 'request_id', 'status', 'title', 'type'])
    expect(JSON.stringify(problem)).not.toMatch(/planted_secret|\.ts|node_modules|select/)
  })

  test('an error that a library means for the caller: 400 without its message', async () => {
    const app = await testServer()
    app.get('/', () => Promise.reject(Object.assign(new Error('planted_secret'), { statusCode: 418 })))
    const { status, problem } = await problemFrom(app, { url: '/' })
    expect(status).toBe(400)
    expect(JSON.stringify(problem)).not.toContain('planted_secret')
  })

  test('what mapError makes of an error', async () => {
    const app = await testServer({
      mapError: (error) => (error instanceof RangeError ? new AppError('write_conflict') : undefined),
    })
    app.get('/known', () => Promise.reject(new RangeError('x')))
    app.get('/unknown', () => Promise.reject(new TypeError('x')))
    expect((await problemFrom(app, { url: '/known' })).problem.code).toBe('write_conflict')
    expect((await problemFrom(app, { url: '/unknown' })).problem.code).toBe('internal_error')
  })
})

describe('a server', () => {
  test('answers requests that arrive while it closes with a problem, and says when to try again', async () => {
    const app = await testServer()
    app.get('/', () => ({}))
    const late: Response[] = []
    app.addHook('preClose', async () => void late.push(await fetch(url), await fetch(`${url}/nothing`)))
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    await app.close()
    expect(late).toHaveLength(2)
    for (const answer of late) {
      expect(answer.headers.get('retry-after')).toBe('1')
      expect(await answer.json()).toMatchObject({ code: 'service_unavailable', status: 503 })
    }
  })

  test.each(['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON'])(
    'takes a body of type %s',
    async (type) => {
      const app = await echoServer()
      const request = { method: 'POST', url: '/echo', headers: { 'content-type': type }, payload: '{"a":[1]}' } as const
      expect((await app.inject(request)).json()).toEqual({ body: { a: [1] } })
    },
  )

  test('takes a body of exactly the limit', async () => {
    const app = await echoServer()
    const payload = `"${'x'.repeat(1_048_574)}"`
    expect((await app.inject({ method: 'POST', url: '/echo', headers: json, payload })).statusCode).toBe(200)
  })

  test('takes an empty body of type JSON as none', async () => {
    const app = await echoServer()
    expect((await app.inject({ method: 'POST', url: '/echo', headers: json })).json()).toEqual({ body: null })
  })

  test('keeps the bytes of a body when asked to, whatever they are', async () => {
    const app = await testServer({ rawBodies: true })
    app.post('/', (request) => ({ isBuffer: Buffer.isBuffer(request.body), length: (request.body as Buffer).length }))
    const answer = await app.inject({ method: 'POST', url: '/', headers: json, payload: '{"a":1,"a":' })
    expect(answer.json()).toEqual({ isBuffer: true, length: 11 })
  })

  test('names requests itself unless it stands behind the gateway', async () => {
    const given = '0198c2f0-1111-7222-8333-444455556666'
    const headers = { 'x-request-id': given }
    const publicApp = await testServer()
    expect((await problemFrom(publicApp, { url: '/', headers })).problem.request_id).not.toBe(given)
    const internalApp = await testServer({ internal: true })
    expect((await problemFrom(internalApp, { url: '/', headers })).problem.request_id).toBe(given)
    const forged = { 'x-request-id': 'a\u001b[31m b' }
    expect((await problemFrom(internalApp, { url: '/', headers: forged })).problem.request_id).toMatch(UUID_V7)
  })

  test('logs failures of its own with their cause, and refusals only in debug', async () => {
    const { log, text } = captureLog('info')
    const app = await testServer({ log })
    app.get('/', () => Promise.reject(new Error('the disk is full')))
    await app.inject({ url: '/' })
    expect(text()).toContain('the disk is full')
    const before = text()
    await app.inject({ url: '/nothing' })
    expect(text()).toBe(before)
  })

  test('lets the caller of beforeNotFound count requests to unknown addresses', async () => {
    let counted = 0
    const app = await testServer({
      beforeNotFound: () => {
        counted++
        return Promise.resolve()
      },
    })
    expect((await problemFrom(app, { url: '/nothing' })).status).toBe(404)
    expect(counted).toBe(1)
  })
})
