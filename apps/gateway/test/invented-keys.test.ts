import { setImmediate } from 'node:timers/promises'
import { createApiKey } from '@memoric/crypto/api-key.ts'
import type { FastifyInstance } from 'fastify'
import { describe, expect, test, vi } from 'vitest'
import { problemOf } from './problem-of.ts'
import { signToken } from './sign-token.ts'
import { useGateway } from './use-gateway.ts'

const gateway = useGateway()

/** A gateway that forgets no grant any more because NATS has just come. */
async function limited(more: Readonly<Record<string, string>> = {}): Promise<FastifyInstance> {
  const { app, deps } = await gateway.startAnother({ RATE_LIMIT_ANONYMOUS_MAX: '20', ...more })
  await deps.messaging.connected()
  return app
}

const get = (app: FastifyInstance, text: string, remoteAddress = '192.0.2.1') =>
  app.inject({ url: '/v1/memories', headers: { 'x-api-key': text }, remoteAddress })

/** Sends invented keys, some at a time, and counts what auth was asked. */
async function flood(
  app: FastifyInstance,
  count: number,
  atOnce: number,
): Promise<{ asked: number; statuses: Set<number> }> {
  const before = gateway.introspections()
  const statuses = new Set<number>()
  let left = count
  const work = async () => {
    while (left > 0) {
      left -= 1
      statuses.add((await get(app, createApiKey('test').text)).statusCode)
      // Requests that are injected leave no time for anything else: the gateway would think it has too much to do.
      await setImmediate()
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return { asked: gateway.introspections() - before, statuses }
}

describe('invented API keys of one address', () => {
  test('ten thousand of them ask auth no more often than an address may send requests without a credential', async () => {
    const app = await limited()
    const { asked, statuses } = await flood(app, 10_000, 8)
    expect(asked).toBeLessThanOrEqual(20 + 8)
    expect(statuses).toEqual(new Set([401, 429]))
  }, 120_000)

  test('are refused with when to come back', async () => {
    const app = await limited()
    await flood(app, 30, 1)
    const answer = await get(app, createApiKey('test').text)
    expect(problemOf(answer)).toMatchObject({ status: 429, code: 'rate_limited' })
    expect(answer.headers).toMatchObject({ 'ratelimit-limit': '20', 'ratelimit-remaining': '0' })
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  })

  test('do not harm a caller behind the same address whose key stood before, also when it is asked about again', async () => {
    const app = await limited({ GRANT_CACHE_SECONDS: '1' })
    const { text } = gateway.newKey()
    expect((await get(app, text)).statusCode).toBe(200)
    await flood(app, 50, 4)
    expect((await get(app, text)).statusCode).toBe(200)
    const before = gateway.introspections()
    await vi.waitFor(
      async () => {
        expect((await get(app, text)).statusCode).toBe(200)
        expect(gateway.introspections()).toBeGreaterThan(before)
      },
      { timeout: 5000, interval: 100 },
    )
  })

  test('do not harm other addresses', async () => {
    const app = await limited()
    await flood(app, 50, 4)
    expect((await get(app, gateway.newKey().text, '192.0.2.2')).statusCode).toBe(200)
  })

  test('a key that stood and was revoked is a guess like any other', async () => {
    const app = await limited({ GRANT_CACHE_SECONDS: '1' })
    const { text, grant } = gateway.newKey()
    await get(app, text)
    const [known] = [...gateway.grants].find(([, found]) => found === grant)!
    gateway.grants.delete(known)
    await vi.waitFor(async () => expect((await get(app, text)).statusCode).toBe(401), { timeout: 5000, interval: 100 })
    const before = gateway.introspections()
    for (let i = 0; i < 100; i++) await get(app, text)
    expect(gateway.introspections() - before).toBeLessThanOrEqual(20)
  })

  test('junk asks nothing and keeps nobody from being asked about', async () => {
    const app = await limited()
    const before = gateway.introspections()
    for (let i = 0; i < 30; i++) await get(app, `mk_test_${i}`)
    expect(gateway.introspections()).toBe(before)
    expect((await get(app, gateway.newKey().text)).statusCode).toBe(200)
  })
})

test('tokens of a session that has ended stop reaching auth too', async () => {
  const app = await limited()
  const session = gateway.newSession()
  gateway.grants.delete(session.grantId)
  const claims = { sub: session.principal.id, sid: session.grantId, tenant_id: session.tenantId, role: 'owner' }
  const before = gateway.introspections()
  for (let i = 0; i < 60; i++) {
    const authorization = `Bearer ${await signToken(gateway.signingKey, claims)}`
    await app.inject({ url: '/v1/memories', headers: { authorization }, remoteAddress: '192.0.2.1' })
  }
  expect(gateway.introspections() - before).toBeLessThanOrEqual(20)
})
