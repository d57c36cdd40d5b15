import { refusalsBody } from '@memoric/contracts/refusals.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createUpstream, type Upstream } from '../src/forwarding/upstream.ts'
import { createRefusalReporter, type RefusalReporter } from '../src/refusals/refusal-reporter.ts'
import type { Refusal } from '../src/refusals/refusal-tally.ts'
import { createServiceKey } from '@memoric/crypto/service-key.ts'
import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import { startStubService, type StubService } from './stub-service.ts'

const key = createServiceKey('gateway')
let auth: StubService
let upstream: Upstream
let reporter: RefusalReporter
const lines: string[] = []

beforeEach(async () => {
  auth = await startStubService()
  auth.answer = () => ({ status: 204 })
  upstream = createUpstream({ name: 'auth', url: auth.url, serviceKey: () => key })
  const log = createLogger({ app: 'gateway', level: 'warn', destination: { write: (line) => lines.push(line) } })
  reporter = createRefusalReporter({ auth: upstream, log, gatherMs: 20 })
})
afterEach(async () => {
  await reporter.close()
  await upstream.close()
  await auth.stop()
  lines.length = 0
})

function refusal(address: string): Refusal {
  return {
    type: 'authz.denied',
    tenantId: PLATFORM_TENANT,
    principal: { type: 'anonymous', id: 'anonymous' },
    reason: 'permission_denied',
    resourceId: null,
    endpoint: '/v1/memories',
    method: 'GET',
    statusCode: 403,
    requestId: 'a request',
    clientAddress: address,
    userAgent: null,
    durationMs: 1,
  }
}

function told() {
  return auth.seen.flatMap(({ body }) => refusalsBody.parse(JSON.parse(body.toString())).refusals)
}

function total(): number {
  return told().reduce((sum, { count }) => sum + count, 0)
}

test('refusals are told together, at most 250 in a request', async () => {
  for (let i = 0; i < 400; i++) reporter.tell(refusal(`a${i}`))
  await reporter.flush()
  expect(auth.seen.map(({ body }) => refusalsBody.parse(JSON.parse(body.toString())).refusals.length)).toEqual([
    250, 150,
  ])
})

test('nothing is sent while nothing is refused', async () => {
  await reporter.flush()
  expect(auth.seen).toHaveLength(0)
})

test.each([500, 503, 401, 404])('while auth answers %i reports wait, and come with their ids again', async (status) => {
  auth.answer = () => ({ status })
  reporter.tell(refusal('a'))
  await reporter.flush()
  const [first] = told()
  auth.answer = () => ({ status: 204 })
  await expect.poll(() => told().length, { timeout: 5000 }).toBeGreaterThan(auth.seen.length - 1)
  await reporter.flush()
  expect(new Set(told().map(({ id }) => id))).toEqual(new Set([first!.id]))
})

test('what is refused while auth is away stays bounded and is all accounted for', async () => {
  await auth.stop()
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 1000; i++) reporter.tell(refusal(`a${round} ${i}`))
    await reporter.flush()
  }
  await auth.start()
  await reporter.flush()
  expect(total()).toBe(5000)
  expect(told().length).toBeLessThanOrEqual(1002)
})

test('reports that auth never takes are counted as lost, once, and the rest goes on', async () => {
  auth.answer = ({ body }) => ({ status: body.toString().includes('refusals.dropped') ? 204 : 400 })
  for (let i = 0; i < 3; i++) reporter.tell(refusal('a'))
  await reporter.flush()
  await reporter.flush()
  expect(told().filter(({ type }) => type === 'refusals.dropped')).toMatchObject([{ count: 3 }])
  expect(lines.some((line) => line.includes('"level":"error"'))).toBe(true)
  const before = auth.seen.length
  await reporter.flush()
  expect(auth.seen).toHaveLength(before)
})

test('nobody waits for auth: what is refused while it thinks is told after that', async () => {
  let think: () => void = () => undefined
  auth.answer = () => new Promise((resolve) => (think = () => resolve({ status: 204 })))
  reporter.tell(refusal('the first'))
  await expect.poll(() => auth.seen.length).toBe(1)
  for (let i = 0; i < 10_000; i++) reporter.tell(refusal(`a${i % 100}`))
  expect(auth.seen).toHaveLength(1)
  auth.answer = () => ({ status: 204 })
  think()
  await reporter.flush()
  expect(total()).toBe(10_001)
})
