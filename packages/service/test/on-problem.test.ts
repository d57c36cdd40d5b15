import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { beforeEach, expect, test } from 'vitest'
import { AppError } from '../src/app-error.ts'
import type { AnsweredProblem } from '../src/create-server.ts'
import { testServer } from './test-server.ts'

let heard: AnsweredProblem[] = []

beforeEach(() => {
  heard = []
})

async function listening() {
  const app = await testServer({ onProblem: (problem) => heard.push(problem) })
  app.get('/denied/:id', () => {
    throw new AppError('permission_denied')
  })
  app.get('/fine', () => 'fine')
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, port: (app.server.address() as AddressInfo).port }
}

async function say(port: number, bytes: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port })
  socket.write(bytes)
  let answer = ''
  for await (const chunk of socket.setEncoding('latin1')) answer += String(chunk)
  return answer
}

test('every problem is heard of, with the request that it answers and its id', async () => {
  const { app } = await listening()
  const answer = await app.inject({ url: '/denied/7', remoteAddress: '203.0.113.5' })
  expect(heard).toHaveLength(1)
  expect(heard[0]).toMatchObject({
    requestId: answer.json<{ request_id: string }>().request_id,
    remoteAddress: '203.0.113.5',
  })
  expect(heard[0]?.error.code).toBe('permission_denied')
  expect(heard[0]?.request?.params).toEqual({ id: '7' })
})

test('so is one for a path that cannot be read, and one for what is no request', async () => {
  const { port } = await listening()
  const bad = await say(port, 'GET /%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  const broken = await say(port, 'hello\r\n\r\n')
  expect(heard.map(({ error }) => error.code)).toEqual(['malformed_request', 'malformed_request'])
  expect(heard.map(({ request }) => request === null)).toEqual([false, true])
  for (const [at, text] of [bad, broken].entries()) expect(text).toContain(heard[at]!.requestId)
  expect(heard[1]?.remoteAddress).toContain('127.0.0.1')
})

test('what is answered well is no problem', async () => {
  const { app } = await listening()
  await app.inject('/fine')
  expect(heard).toEqual([])
})
