import { gzipSync } from 'node:zlib'
import { answersOf, say } from '@memoric/testkit/raw-http.ts'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { problemOf } from './problem-of.ts'
import { useGateway } from './use-gateway.ts'

const MIB = 1_048_576
const gateway = useGateway()
let apiKey: string

beforeAll(() => {
  apiKey = gateway.newKey().text
})
beforeEach(() => {
  gateway.memory.seen.length = 0
})

function post(url: string, payload: string | Buffer, contentType: string | null = 'application/json', extra = {}) {
  const headers = { 'x-api-key': apiKey, ...(contentType !== null && { 'content-type': contentType }), ...extra }
  return gateway.app.inject({ method: 'POST', url, headers, payload })
}

describe('the size of a body', () => {
  test.each([
    ['/v1/memories', MIB],
    ['/v1/memories/search', MIB],
    ['/v1/memories/batch', 16 * MIB],
  ])('%s takes %i bytes and not one more', async (url, limit) => {
    expect((await post(url, Buffer.alloc(limit, 'x'))).statusCode).toBe(200)
    expect(gateway.memory.seen.at(-1)?.body.length).toBe(limit)
    const answer = await post(url, Buffer.alloc(limit + 1, 'x'))
    expect(answer.statusCode).toBe(413)
    expect(problemOf(answer).code).toBe('payload_too_large')
    expect(gateway.memory.seen).toHaveLength(1)
  })

  test('is judged by its length before any of it is read', async () => {
    const head = `POST /v1/memories HTTP/1.1\r\nhost: x\r\nx-api-key: ${apiKey}\r\ncontent-type: application/json\r\n`
    const [answer] = answersOf(await say(gateway.port, `${head}content-length: ${MIB + 1}\r\n\r\n`))
    expect(answer?.status).toBe(413)
  })

  test('is judged while it arrives when its length is not told', async () => {
    const head = `POST /v1/memories HTTP/1.1\r\nhost: x\r\nx-api-key: ${apiKey}\r\ncontent-type: application/json\r\n`
    const chunk = `${(MIB / 2).toString(16)}\r\n${'x'.repeat(MIB / 2)}\r\n`
    const text = await say(gateway.port, [`${head}transfer-encoding: chunked\r\n\r\n`, chunk, chunk, '1\r\nx\r\n'])
    expect(answersOf(text)[0]?.status).toBe(413)
    expect(gateway.memory.seen).toHaveLength(0)
  })

  test('of somebody unknown is not waited for', async () => {
    const head = 'POST /v1/memories HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n'
    const [answer] = answersOf(await say(gateway.port, `${head}content-length: 1000\r\n\r\n`))
    expect(answer?.status).toBe(401)
  })
})

describe('the type of a body', () => {
  test.each([
    ['text/plain'],
    ['application/xml'],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=x'],
    ['application/jsonx'],
    ['application/json-patch+json'],
    ['text/json'],
    ['json'],
    [''],
    ['application/json\ttext/plain'],
    ['text/plain; application/json'],
    ['application /json'],
    [null],
  ])('%j is refused', async (type) => {
    const answer = await post('/v1/memories', '{"content":"x"}', type)
    expect(answer.statusCode).toBe(415)
    expect(problemOf(answer).code).toBe('unsupported_media_type')
    expect(gateway.memory.seen).toHaveLength(0)
  })

  test.each(['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON', 'application/json;charset=x'])(
    '%s is taken, and the service is told application/json',
    async (type) => {
      expect((await post('/v1/memories', '{}', type)).statusCode).toBe(200)
      expect(gateway.memory.seen[0]?.headers['content-type']).toBe('application/json')
    },
  )

  test('a compressed one is refused here, and never undone', async () => {
    const bomb = gzipSync(Buffer.alloc(10 * MIB))
    const answer = await post('/v1/memories', bomb, 'application/json', { 'content-encoding': 'gzip' })
    expect(answer.statusCode).toBe(415)
    expect(gateway.memory.seen).toEqual([])
  })
})

describe('methods', () => {
  test('a GET with a body is answered without it', async () => {
    const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' }
    const answer = await gateway.app.inject({ method: 'GET', url: '/v1/memories', headers, payload: '{"limit":1}' })
    expect(answer.statusCode).toBe(200)
    expect(gateway.memory.seen[0]?.body.length).toBe(0)
  })

  test('HEAD is GET without the body, and needs the same credential', async () => {
    const answer = await gateway.app.inject({ method: 'HEAD', url: '/v1/memories', headers: { 'x-api-key': apiKey } })
    expect(answer.statusCode).toBe(200)
    expect(answer.body).toBe('')
    const stranger = await gateway.app.inject({ method: 'HEAD', url: '/v1/memories' })
    expect(stranger.statusCode).toBe(401)
    expect(gateway.memory.seen).toHaveLength(1)
  })

  test.each(['OPTIONS', 'TRACE', 'PUT', 'PROPFIND', 'CONNECT', 'get', 'QUERY', 'PURGE'])(
    '%s leads nowhere',
    async (method) => {
      const target = method === 'CONNECT' ? 'evil.example:443' : '/v1/memories'
      const secret = 'x-secret: echo-me'
      const request = `${method} ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-api-key: ${apiKey}\r\n${secret}\r\n\r\n`
      const text = await say(gateway.port, request)
      for (const { status } of text === '' ? [] : answersOf(text)) expect([400, 404, 405]).toContain(status)
      expect(text).not.toContain('echo-me')
      expect(gateway.memory.seen).toHaveLength(0)
    },
  )

  test('X-HTTP-Method-Override is not heeded', async () => {
    const headers = { 'x-api-key': apiKey, 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE' }
    await gateway.app.inject({ url: '/v1/memories', headers })
    expect(gateway.memory.seen[0]?.method).toBe('GET')
  })
})
