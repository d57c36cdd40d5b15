import { createApiKey } from '@memoric/crypto/api-key.ts'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { describe, expect, test } from 'vitest'
import { problemOf } from './problem-of.ts'
import { useGateway } from './use-gateway.ts'

const gateway = useGateway()

const limits = {
  RATE_LIMIT_ANONYMOUS_MAX: '3',
  RATE_LIMIT_AUTH_MAX: '2',
  RATE_LIMIT_MAX: '4',
  RATE_LIMIT_WRITE_MAX: '2',
}

/** A gateway whose counters nobody else has touched. */
async function limited(overrides: Readonly<Record<string, string>> = {}): Promise<FastifyInstance> {
  return (await gateway.startAnother({ ...limits, ...overrides })).app
}

type Send = () => Promise<LightMyRequestResponse>

/** Statuses of as many requests, one after the other. */
async function statuses(count: number, send: Send): Promise<number[]> {
  const seen: number[] = []
  for (let i = 0; i < count; i++) seen.push((await send()).statusCode)
  return seen
}

function get(app: FastifyInstance, url: string, headers: Record<string, string> = {}, remoteAddress = '192.0.2.1') {
  return app.inject({ url, headers, remoteAddress })
}

function post(app: FastifyInstance, url: string, headers: Record<string, string> = {}, remoteAddress = '192.0.2.1') {
  const asJson = { 'content-type': 'application/json', ...headers }
  return app.inject({ method: 'POST', url, headers: asJson, payload: '{}', remoteAddress })
}

describe('an address without a credential', () => {
  test.each([
    ['no credential', '/v1/memories', {}],
    ['a made-up key', '/v1/memories', { 'x-api-key': createApiKey('test').text }],
    ['junk', '/v1/memories', { 'x-api-key': 'junk' }],
    ['a made-up token', '/v1/memories', { authorization: 'Bearer a.b.c' }],
    ['two credentials', '/v1/memories', { 'x-api-key': 'a', authorization: 'Bearer b' }],
    ['an address that does not exist', '/wp-login.php', {}],
    ['the public keys', '/.well-known/jwks.json', {}],
    ['the description of the API', '/openapi.json', {}],
    ['the page about it', '/docs/', {}],
  ])('is limited: %s', async (_what, url, headers: Record<string, string>) => {
    const app = await limited()
    const seen = await statuses(5, () => get(app, url, headers))
    expect(seen.slice(3)).toEqual([429, 429])
    expect(seen.slice(0, 3)).not.toContain(429)
  })

  test('is told when to come back', async () => {
    const app = await limited()
    await statuses(3, () => get(app, '/v1/memories'))
    const answer = await get(app, '/v1/memories')
    expect(problemOf(answer)).toMatchObject({ code: 'rate_limited', status: 429 })
    expect(answer.headers).toMatchObject({ 'ratelimit-limit': '3', 'ratelimit-remaining': '0' })
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(60)
  })

  test('does not use up what a credential of the same address may do', async () => {
    const app = await limited()
    await statuses(5, () => get(app, '/v1/memories'))
    expect((await get(app, '/v1/memories', { 'x-api-key': gateway.newKey().text })).statusCode).toBe(200)
  })

  test('leaves health and readiness alone', async () => {
    const app = await limited()
    expect(await statuses(10, () => get(app, '/health'))).not.toContain(429)
    expect(await statuses(10, () => get(app, '/ready'))).not.toContain(429)
  })

  test.each(['/v1/auth/refresh', '/v1/auth/logout'])('is limited at %s like anywhere else', async (url) => {
    const app = await limited()
    expect(await statuses(5, () => post(app, url))).toEqual([200, 200, 200, 429, 429])
  })
})

describe('signing in', () => {
  test('and registering are counted together, and more strictly', async () => {
    const app = await limited({ RATE_LIMIT_ANONYMOUS_MAX: '100' })
    expect((await post(app, '/v1/auth/login')).statusCode).toBe(200)
    expect((await post(app, '/v1/auth/register')).statusCode).toBe(200)
    expect(await statuses(2, () => post(app, '/v1/auth/login'))).toEqual([429, 429])
    const answer = await post(app, '/v1/auth/register')
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(60)
    expect((await post(app, '/v1/auth/login', {}, '192.0.2.2')).statusCode).toBe(200)
  })

  test('is limited for those who bring a credential as well', async () => {
    const app = await limited()
    const headers = { 'x-api-key': gateway.newKey().text }
    expect(await statuses(3, () => post(app, '/v1/auth/login', headers))).toEqual([200, 200, 429])
  })
})

describe('a caller', () => {
  test('is limited by who it is, wherever it comes from', async () => {
    const app = await limited()
    const headers = { 'x-api-key': gateway.newKey().text }
    let address = 1
    const seen = await statuses(5, () => get(app, '/v1/memories', headers, `192.0.2.${address++}`))
    expect(seen).toEqual([200, 200, 200, 200, 429])
    expect((await get(app, '/v1/memories', { 'x-api-key': gateway.newKey().text })).statusCode).toBe(200)
  })

  test('sees how much is left', async () => {
    const app = await limited()
    const headers = { 'x-api-key': gateway.newKey().text }
    const answers = [await get(app, '/v1/memories', headers), await get(app, '/v1/memories', headers)]
    expect(answers.map((answer) => answer.headers['ratelimit-remaining'])).toEqual(['3', '2'])
    expect(answers[0]?.headers['ratelimit-limit']).toBe('4')
  })

  test('may write less often than read, and reads go on', async () => {
    const app = await limited()
    const headers = { 'x-api-key': gateway.newKey().text }
    expect(await statuses(3, () => post(app, '/v1/memories', headers))).toEqual([200, 200, 429])
    expect((await get(app, '/v1/memories', headers)).statusCode).toBe(200)
  })

  test('with two sessions is one user', async () => {
    const app = await limited()
    const { grant } = gateway.newKey()
    const keys = [gateway.newKey({ principal: grant.principal }), gateway.newKey({ principal: grant.principal })]
    for (const { text } of keys) await statuses(2, () => get(app, '/v1/memories', { 'x-api-key': text }))
    expect((await get(app, '/v1/memories', { 'x-api-key': keys[0]!.text })).statusCode).toBe(429)
  })

  test('that may not use a route is counted too', async () => {
    const app = await limited()
    const headers = { 'x-api-key': gateway.newKey({ permissions: [] }).text }
    expect(await statuses(5, () => get(app, '/v1/memories', headers))).toEqual([403, 403, 403, 403, 429])
  })
})

describe('a key with a limit of its own', () => {
  test('is held to it, and sees it', async () => {
    const app = await limited({ RATE_LIMIT_MAX: '100' })
    const headers = { 'x-api-key': gateway.newKey({ rateLimit: 2 }).text }
    const answer = await get(app, '/v1/memories', headers)
    expect(answer.headers).toMatchObject({ 'ratelimit-limit': '2', 'ratelimit-remaining': '1' })
    expect(await statuses(2, () => get(app, '/v1/memories', headers))).toEqual([200, 429])
    const refused = await get(app, '/v1/memories', headers)
    expect(refused.headers).toMatchObject({ 'ratelimit-limit': '2', 'ratelimit-remaining': '0' })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  })

  test('never may more than the general limit allows', async () => {
    const app = await limited()
    const headers = { 'x-api-key': gateway.newKey({ rateLimit: 1000 }).text }
    expect(await statuses(5, () => get(app, '/v1/memories', headers))).toEqual([200, 200, 200, 200, 429])
    expect((await get(app, '/v1/memories', headers)).headers['ratelimit-limit']).toBe('4')
  })

  test('counts reads and writes together, and may write no more than anyone', async () => {
    const app = await limited({ RATE_LIMIT_MAX: '100', RATE_LIMIT_WRITE_MAX: '3' })
    const few = { 'x-api-key': gateway.newKey({ rateLimit: 2 }).text }
    expect((await post(app, '/v1/memories', few)).headers['ratelimit-limit']).toBe('2')
    expect((await get(app, '/v1/memories', few)).statusCode).toBe(200)
    expect((await post(app, '/v1/memories', few)).statusCode).toBe(429)
    const many = { 'x-api-key': gateway.newKey({ rateLimit: 50 }).text }
    expect(await statuses(4, () => post(app, '/v1/memories', many))).toEqual([200, 200, 200, 429])
  })

  test('takes nothing from another key', async () => {
    const app = await limited({ RATE_LIMIT_MAX: '100' })
    const { grant } = gateway.newKey({ rateLimit: 1 })
    const [one, other] = [gateway.newKey({ ...grant }), gateway.newKey({ tenantId: grant.tenantId, rateLimit: 1 })]
    expect(await statuses(2, () => get(app, '/v1/memories', { 'x-api-key': one.text }))).toEqual([200, 429])
    expect((await get(app, '/v1/memories', { 'x-api-key': other.text })).statusCode).toBe(200)
  })
})

describe('a tenant', () => {
  const sharing = (tenantRateLimit: number | null) => {
    const { grant } = gateway.newKey()
    return () => ({ 'x-api-key': gateway.newKey({ tenantId: grant.tenantId, tenantRateLimit }).text })
  }

  test('has one limit for all its keys and users, however many it makes', async () => {
    const app = await limited({ RATE_LIMIT_TENANT_MAX: '5' })
    const anotherKey = sharing(null)
    expect(await statuses(6, () => get(app, '/v1/memories', anotherKey()))).toEqual([200, 200, 200, 200, 200, 429])
    const refused = await get(app, '/v1/memories', anotherKey())
    expect(problemOf(refused)).toMatchObject({ code: 'rate_limited', status: 429 })
    expect(refused.headers).toMatchObject({ 'ratelimit-limit': '5', 'ratelimit-remaining': '0' })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect((await get(app, '/v1/memories', { 'x-api-key': gateway.newKey().text })).statusCode).toBe(200)
  })

  test('may choose a lower one, and no higher one', async () => {
    const app = await limited({ RATE_LIMIT_TENANT_MAX: '3' })
    const [lower, higher] = [sharing(2), sharing(1000)]
    expect(await statuses(3, () => get(app, '/v1/memories', lower()))).toEqual([200, 200, 429])
    expect((await get(app, '/v1/memories', lower())).headers['ratelimit-limit']).toBe('2')
    expect(await statuses(4, () => get(app, '/v1/memories', higher()))).toEqual([200, 200, 200, 429])
  })

  test('loses nothing to a key that is beyond its own limit', async () => {
    const app = await limited({ RATE_LIMIT_TENANT_MAX: '5' })
    const anotherKey = sharing(null)
    const busy = { 'x-api-key': gateway.newKey({ ...gateway.newKey().grant, rateLimit: 1 }).text }
    const noisy = anotherKey()
    expect(await statuses(20, () => get(app, '/v1/memories', noisy))).toContain(429)
    expect((await get(app, '/v1/memories', anotherKey())).statusCode).toBe(200)
    expect((await get(app, '/v1/memories', busy)).statusCode).toBe(200)
  })

  test('shows each caller the limit of its own as long as the other holds', async () => {
    const app = await limited({ RATE_LIMIT_TENANT_MAX: '50' })
    const answer = await get(app, '/v1/memories', sharing(10)())
    expect(answer.headers).toMatchObject({ 'ratelimit-limit': '4', 'ratelimit-remaining': '3' })
  })
})

describe('addresses', () => {
  const burst = async (app: FastifyInstance, addresses: readonly string[]) => {
    const seen: number[] = []
    for (const address of addresses) seen.push((await get(app, '/v1/memories', {}, address)).statusCode)
    return seen
  }

  test('of one IPv6 network are one', async () => {
    const addresses = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::', '2001:db8:1:2:3:4:5:6', '2001:0db8:0001:0002::9']
    expect(await burst(await limited(), addresses)).toEqual([401, 401, 401, 429])
  })

  test('of different IPv6 networks are different', async () => {
    const app = await limited()
    await burst(
      app,
      Array.from({ length: 4 }, (_, i) => `2001:db8:1:2::${i}`),
    )
    expect(await burst(app, ['2001:db8:1:3::1', '2001:db8::1', '2001:db8:1::2'])).toEqual([401, 401, 401])
  })

  test('of IPv4 are the same in IPv6 clothes', async () => {
    const addresses = ['192.0.2.1', '::ffff:192.0.2.1', '192.0.2.1', '::ffff:192.0.2.1']
    expect(await burst(await limited(), addresses)).toEqual([401, 401, 401, 429])
  })

  test('of IPv4 are not one network', async () => {
    const addresses = ['::ffff:192.0.2.1', '::ffff:192.0.2.2', '192.0.2.3', '192.0.2.4']
    expect(await burst(await limited(), addresses)).toEqual([401, 401, 401, 401])
  })

  test('with a zone are the same without it', async () => {
    const addresses = ['fe80::1%eth0', 'fe80::2%eth1', 'fe80::3', 'fe80::4%1']
    expect(await burst(await limited(), addresses)).toEqual([401, 401, 401, 429])
  })
})

describe('X-Forwarded-For', () => {
  const spoofed = (index: number) => ({ 'x-forwarded-for': `198.51.100.${index}` })

  test('changes nothing as long as no proxy is trusted', async () => {
    const app = await limited()
    let index = 0
    expect(await statuses(4, () => get(app, '/v1/memories', spoofed(index++)))).toEqual([401, 401, 401, 429])
  })

  test('changes nothing when it comes from somebody else than the proxy', async () => {
    const app = await limited({ TRUSTED_PROXIES: '10.0.0.0/8' })
    let index = 0
    expect(await statuses(4, () => get(app, '/v1/memories', spoofed(index++)))).toEqual([401, 401, 401, 429])
  })

  test('counts the address that the outermost trusted proxy saw, whatever the client wrote before it', async () => {
    const app = await limited({ TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.1' })
    let index = 0
    const forged = () => ({ 'x-forwarded-for': `198.51.100.${index++}, 203.0.113.7, 10.1.1.1` })
    expect(await statuses(4, () => get(app, '/v1/memories', forged()))).toEqual([401, 401, 401, 429])
    const other = { 'x-forwarded-for': '203.0.113.7, 203.0.113.8' }
    expect((await get(app, '/v1/memories', other)).statusCode).toBe(401)
  })

  test.each([
    ['203.0.113.7', (port: number) => `203.0.113.7:${port}`],
    ['2001:db8::1', (port: number) => `[2001:db8::1]:${port}`],
  ])('counts %s as one address where the proxy writes the port behind it', async (_address, withPort) => {
    const app = await limited({ TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.1' })
    let port = 40_000
    const from = () => ({ 'x-forwarded-for': withPort((port += 1)) })
    expect(await statuses(4, () => get(app, '/v1/memories', from()))).toEqual([401, 401, 401, 429])
  })

  test.each(['garbage', '', ',,,', '127.0.0.1:80', '[2001:db8::1]:443', 'unknown', "' or 1=1--", 'a'.repeat(5000)])(
    'of %j does no harm',
    async (value) => {
      const app = await limited({ TRUSTED_PROXIES: '192.0.2.1' })
      const seen = await statuses(4, () => get(app, '/v1/memories', { 'x-forwarded-for': value }))
      expect(seen).toEqual([401, 401, 401, 429])
    },
  )

  test('host and protocol of a client are not believed', async () => {
    const app = await limited({ TRUSTED_PROXIES: '192.0.2.1' })
    const headers = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'evil', host: 'evil.example' }
    const answer = await get(app, '/v1/memories', headers)
    expect(JSON.stringify([answer.headers, answer.body])).not.toContain('evil')
  })
})
