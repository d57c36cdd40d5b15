import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { beforeAll, afterAll, describe, expect, test } from 'vitest'
import { createServer } from '../src/create-server.ts'
import { captureLog } from './captured-log.ts'

let port = 0
let close: () => Promise<void>
let handled = 0
const posted: string[] = []

beforeAll(async () => {
  const app = await createServer({ log: captureLog().log })
  app.addHook('onRequest', (_request, _reply, done) => {
    handled++
    done()
  })
  app.post('/', (request) => {
    posted.push(request.url)
    return { body: request.body ?? null }
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  port = (app.server.address() as AddressInfo).port
  close = () => app.close()
})

afterAll(() => close())

/** Everything that the server says to these bytes before it hangs up. */
async function say(bytes: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port })
  socket.write(bytes, 'latin1')
  let answer = ''
  for await (const chunk of socket.setEncoding('latin1')) answer += String(chunk)
  return answer
}

function post(headers: string, body = ''): string {
  return `POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${headers}\r\n\r\n${body}`
}

describe('broken HTTP is answered with a problem and the connection closed', () => {
  test.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400, 'malformed_request'],
    ['a method that does not exist', 'FOO / HTTP/1.1\r\nhost: x\r\n\r\n', 400, 'malformed_request'],
    ['a version that does not exist', 'GET / HTTP/9.9\r\nhost: x\r\n\r\n', 400, 'malformed_request'],
    ['a header without a name', 'GET / HTTP/1.1\r\nhost: x\r\n: x\r\n\r\n', 400, 'malformed_request'],
    ['a header with a line feed in its name', 'GET / HTTP/1.1\r\nhost: x\r\na\nb: x\r\n\r\n', 400, 'malformed_request'],
    ['NUL in a header', 'GET / HTTP/1.1\r\nhost: x\r\na: b\0c\r\n\r\n', 400, 'malformed_request'],
    [
      'both Content-Length and Transfer-Encoding',
      post('content-length: 2\r\ntransfer-encoding: chunked', '0\r\n\r\n'),
      400,
      'malformed_request',
    ],
    ['two Content-Lengths', post('content-length: 2\r\ncontent-length: 3', '{}'), 400, 'malformed_request'],
    ['a Content-Length that is no number', post('content-length: 2x', '{}'), 400, 'malformed_request'],
    ['a negative Content-Length', post('content-length: -2', '{}'), 400, 'malformed_request'],
    [
      'a Transfer-Encoding that does not end in chunked',
      post('transfer-encoding: chunked, gzip', '{}'),
      400,
      'malformed_request',
    ],
    [
      'a chunk whose length is no number',
      post('transfer-encoding: chunked', 'zz\r\n{}\r\n0\r\n\r\n'),
      400,
      'malformed_request',
    ],
    [
      'headers of more than 16 KiB',
      `GET / HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(17_000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
    [
      'an address of more than 16 KiB',
      `GET /${'x'.repeat(17_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
      431,
      'headers_too_large',
    ],
  ])('%s', async (_what, bytes, status, code) => {
    const answer = await say(bytes)
    const [head = '', body = ''] = answer.split('\r\n\r\n')
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [A-Z]`))
    expect(head.toLowerCase()).toContain('content-type: application/problem+json; charset=utf-8')
    expect(JSON.parse(body)).toMatchObject({ code, status, request_id: expect.stringMatching(/^[0-9a-f-]{36}$/) })
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1)
  })

  test('nothing that follows a broken request is taken as another one', async () => {
    const before = handled
    const smuggled = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n'
    await say(post('content-length: 4\r\ntransfer-encoding: chunked', `0\r\n\r\n${smuggled}`))
    await say(`hello\r\n\r\n${smuggled}`)
    expect(handled - before).toBeLessThanOrEqual(1)
  })

  test('nor what follows a request for two hosts or none', async () => {
    const next = 'POST /?next HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n'
    for (const hosts of ['', 'host: x\r\nhost: y\r\n']) {
      const answer = await say(`GET / HTTP/1.1\r\n${hosts}\r\n${next}`)
      expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1)
    }
    expect(posted).not.toContain('/?next')
  })

  test('a client that goes away in the middle of a body leaves the server alive', async () => {
    const socket = connect({ host: '127.0.0.1', port })
    await new Promise((written) => socket.write(post('content-length: 100', '{"a"'), written))
    socket.resetAndDestroy()
    expect(await say(post('content-length: 2\r\nconnection: close', '{}'))).toMatch(/^HTTP\/1\.1 200 /)
  })
})
