import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { get, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { ok } from './stub-service.ts'
import { portOf, useGateway } from './use-gateway.ts'

const gateway = useGateway()
let key: string
let port: number

const MIB = 1_048_576
const part = randomBytes(65_536)

beforeAll(async () => {
  key = gateway.newKey().text
  await gateway.app.listen({ host: '127.0.0.1', port: 0 }).catch(() => undefined)
  port = portOf(gateway.app)
})
beforeEach(() => {
  gateway.memory.answer = () => ok
})

/** A body of so many parts that knows how many were asked for, and whether it was given up. */
function source(parts: number, failAt = Infinity) {
  const state = { given: 0, isGivenUp: false }
  const body = new Readable({
    read() {
      if (state.given === failAt) this.destroy(new Error('the service died'))
      else this.push(state.given++ < parts ? part : null)
    },
    destroy(error, done) {
      state.isGivenUp = true
      done(error)
    },
  })
  const headers = { 'content-type': 'application/x-ndjson', 'content-disposition': 'attachment; filename="x"' }
  gateway.memory.answer = () => ({ status: 200, headers, body })
  return state
}

function download(by = key): Promise<IncomingMessage> {
  const path = `/v1/privacy/exports/${randomUUID()}/download`
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers: { 'x-api-key': by }, agent: false }, resolve).on('error', reject)
  })
}

test('a download of any size arrives as it was sent', async () => {
  source(1000)
  const answer = await download()
  expect(answer.headers).toMatchObject({
    'content-type': 'application/x-ndjson',
    'content-disposition': 'attachment; filename="x"',
    'cache-control': 'no-store',
  })
  const [got, sent] = [createHash('sha256'), createHash('sha256')]
  for await (const bytes of answer) got.update(bytes as Buffer)
  for (let n = 0; n < 1000; n++) sent.update(part)
  expect(got.digest('hex')).toBe(sent.digest('hex'))
})

test('a client that reads slowly slows the service down, and nothing piles up', async () => {
  const state = source(16_000)
  const answer = await download()
  answer.pause()
  let before = -1
  const isStill = () => {
    const same = before === state.given
    before = state.given
    return same
  }
  await expect.poll(isStill, { interval: 300, timeout: 10_000 }).toBe(true)
  expect(state.given * part.length).toBeLessThan(32 * MIB)
  answer.destroy()
})

test('a client that goes away ends the work of the service', async () => {
  const state = source(16_000)
  const answer = await download()
  answer.once('data', () => answer.destroy())
  await expect.poll(() => state.isGivenUp, { timeout: 5000 }).toBe(true)
})

test('a service that dies in the middle is seen as an answer that was cut off', async () => {
  source(1000, 20)
  const answer = await download()
  const read = async () => {
    for await (const _ of answer);
  }
  await expect(read()).rejects.toThrow(/aborted|ECONNRESET/)
})

test('a refusal is passed on as it is', async () => {
  const body = JSON.stringify({ type: 'x', title: 'x', status: 410, code: 'export_expired', request_id: 'x' })
  gateway.memory.answer = () => ({ status: 410, headers: { 'content-type': 'application/problem+json' }, body })
  const answer = await download()
  expect(answer.statusCode).toBe(410)
  expect(JSON.parse(Buffer.concat((await answer.toArray()) as Buffer[]).toString())).toMatchObject({
    code: 'export_expired',
  })
})

test('a service that is away is 503', async () => {
  gateway.memory.answer = () => undefined
  const answer = await download()
  answer.resume()
  expect(answer.statusCode).toBe(503)
})

/** A service whose downloads never end. */
function endless(): void {
  const headers = { 'content-type': 'application/x-ndjson' }
  const body = () =>
    new Readable({
      read() {
        this.push(part)
      },
    })
  gateway.memory.answer = ({ url }) => (url.endsWith('/download') ? { status: 200, headers, body: body() } : ok)
}

test('however many slow downloads there are, other requests do not wait for them', async () => {
  endless()
  const keys = Array.from({ length: 4 }, () => gateway.newKey().text)
  const slow = await Promise.all(Array.from({ length: 64 }, (_, at) => download(keys[at % 4])))
  slow.forEach((answer) => answer.pause())
  expect(slow.every(({ statusCode }) => statusCode === 200)).toBe(true)
  const started = performance.now()
  const { statusCode } = await gateway.app.inject({ url: '/v1/memories', headers: { 'x-api-key': key } })
  expect(statusCode).toBe(200)
  const late = await download()
  expect(late.statusCode).toBe(429)
  expect(performance.now() - started).toBeLessThan(2000)
  for (const answer of [...slow, late]) answer.destroy()
  await expect.poll(async () => (await ended(download())).statusCode, { timeout: 5000 }).toBe(200)
})

test('the slow downloads of one tenant leave room for those of another', async () => {
  endless()
  const greedy = gateway.newKey().text
  const answers = await Promise.all(Array.from({ length: 64 }, () => download(greedy)))
  answers.forEach((answer) => answer.pause())
  expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(16)
  expect(answers.filter(({ statusCode }) => statusCode === 429)).toHaveLength(48)
  expect((await ended(download())).statusCode).toBe(200)
  answers.forEach((answer) => answer.destroy())
})

async function ended(answer: Promise<IncomingMessage>): Promise<IncomingMessage> {
  return (await answer).destroy()
}
