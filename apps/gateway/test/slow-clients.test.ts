import { connect, type Socket } from 'node:net'
import type { Server } from 'node:http'
import { beforeAll, expect, test } from 'vitest'
import { ok } from './stub-service.ts'
import { portOf, useGateway } from './use-gateway.ts'
import { buildApp } from '../src/app.ts'
import { gatewayConfig } from '../src/config.ts'

const gateway = useGateway()
let key: string

beforeAll(() => {
  key = gateway.newKey().text
})

/** Node reads these when it looks at its connections; the tests only make it look sooner. */
interface Timeouts {
  headersTimeout: number
  requestTimeout: number
  keepAliveTimeout: number
  connectionsCheckingInterval: number
}

function timeoutsOf(server: Server): Timeouts {
  return server as unknown as Timeouts
}

test('a client has 15 s for its headers, 30 s for its request, and Node looks every 5 s', () => {
  const { headersTimeout, requestTimeout, connectionsCheckingInterval } = timeoutsOf(gateway.app.server)
  expect({ headersTimeout, requestTimeout, connectionsCheckingInterval }).toEqual({
    headersTimeout: 15_000,
    requestTimeout: 30_000,
    connectionsCheckingInterval: 5_000,
  })
})

/** A gateway like the other, with less patience. */
async function hasty(): Promise<number> {
  const { deps } = await gateway.startAnother({})
  const config = gatewayConfig.parse({ ...gatewayEnvironment, NATS_PASSWORD: 'x' })
  const app = await buildApp(config, deps)
  deps.closer.defer('hasty server', () => app.close())
  Object.assign(app.server, { headersTimeout: 300, requestTimeout: 900, connectionsCheckingInterval: 50 })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return portOf(app)
}

const gatewayEnvironment = {
  AUTH_URL: 'http://127.0.0.1:1',
  MEMORY_URL: 'http://127.0.0.1:1',
  AUDIT_URL: 'http://127.0.0.1:1',
  AUTH_SERVICE_KEY: 'x',
  MEMORY_SERVICE_KEY: 'x',
  AUDIT_SERVICE_KEY: 'x',
  NATS_URL: 'x',
  NATS_USER: 'x',
}

/** Sends `head` at once and then a byte every 50 ms, for as long as anybody listens. */
async function drip(port: number, head: string): Promise<string> {
  const socket: Socket = connect({ host: '127.0.0.1', port })
  socket.on('error', () => undefined)
  let answer = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    answer += chunk
  })
  socket.write(head)
  const timer = setInterval(() => socket.write('x'), 50)
  await new Promise((closed) => socket.once('close', closed))
  clearInterval(timer)
  return answer
}

test('one byte after the other is no way to keep a connection', async () => {
  const port = await hasty()
  const body = `POST /v1/memories HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\ncontent-type: application/json\r\n`
  const [slowHeader, slowLength, slowChunks] = await Promise.all([
    drip(port, 'GET /v1/memories HTTP/1.1\r\nx-slow: '),
    drip(port, `${body}content-length: 1000\r\n\r\n`),
    drip(port, `${body}transfer-encoding: chunked\r\n\r\n3e8\r\n`),
  ])
  for (const answer of [slowHeader, slowLength, slowChunks]) {
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(answer).toContain('"code":"request_timeout"')
  }
})

test('three hundred idle connections keep nobody waiting', async () => {
  gateway.memory.answer = () => ok
  const idle = Array.from({ length: 300 }, () => connect({ host: '127.0.0.1', port: gateway.port }))
  await Promise.all(idle.map((socket) => new Promise((connected) => socket.once('connect', connected))))
  for (const socket of idle) socket.on('error', () => undefined).write('GET /v1/memories HTTP/1.1\r\n')
  const answer = await fetch(`http://127.0.0.1:${gateway.port}/v1/memories`, { headers: { 'x-api-key': key } })
  expect(answer.status).toBe(200)
  for (const socket of idle) socket.destroy()
})
