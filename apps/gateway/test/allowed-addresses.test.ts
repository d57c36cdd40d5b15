import type { Grant } from '@memoric/contracts/introspection.ts'
import type { FastifyInstance } from 'fastify'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { problemOf } from './problem-of.ts'
import { useGateway } from './use-gateway.ts'

const gateway = useGateway()
let proxied: FastifyInstance

beforeAll(async () => {
  proxied = (await gateway.startAnother({ TRUSTED_PROXIES: '10.0.0.0/8, fd00::/8' })).app
})
beforeEach(() => {
  gateway.memory.seen.length = 0
})

const keyWith = (...networks: string[][]) => gateway.newKey({ networks }).text

function ask(text: string, remoteAddress: string, forwarded?: string, app = gateway.app) {
  const headers = { 'x-api-key': text, ...(forwarded !== undefined && { 'x-forwarded-for': forwarded }) }
  return app.inject({ url: '/v1/memories', headers, remoteAddress })
}

const statusOf = async (...request: Parameters<typeof ask>) => (await ask(...request)).statusCode

test('a credential is used from its addresses only, and nothing is forwarded from elsewhere', async () => {
  const text = keyWith(['192.0.2.0/24', '2001:db8::/32'])
  expect(await statusOf(text, '192.0.2.7')).toBe(200)
  expect(await statusOf(text, '2001:db8::7')).toBe(200)
  gateway.memory.seen.length = 0
  const refused = await ask(text, '198.51.100.7')
  expect(problemOf(refused)).toMatchObject({ status: 403, code: 'address_not_allowed' })
  expect(refused.body).not.toContain('192.0.2')
  expect(await statusOf(text, '2001:db9::7')).toBe(403)
  expect(gateway.memory.seen).toEqual([])
})

test('each request is judged, also while the grant is cached', async () => {
  const text = keyWith(['192.0.2.1'])
  const before = gateway.introspections()
  const seen = []
  for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.1', '192.0.2.3']) seen.push(await statusOf(text, address))
  expect(seen).toEqual([200, 403, 200, 403])
  expect(gateway.introspections()).toBe(before + 1)
})

test('every list must have the address: of the tenant and of the key', async () => {
  const text = keyWith(['192.0.2.0/24'], ['192.0.2.7', '198.51.100.7'])
  expect([
    await statusOf(text, '192.0.2.7'),
    await statusOf(text, '192.0.2.8'),
    await statusOf(text, '198.51.100.7'),
  ]).toEqual([200, 403, 403])
})

test('a session is held to the list of its tenant too', async () => {
  const limits: Partial<Grant> = { networks: [['192.0.2.0/24']] }
  const { text } = gateway.newKey({ ...limits, principal: gateway.newSession().principal })
  expect([await statusOf(text, '192.0.2.7'), await statusOf(text, '198.51.100.7')]).toEqual([200, 403])
})

describe('an address has many forms:', () => {
  test.each([
    ['192.0.2.0/24', '::ffff:192.0.2.7', 200],
    ['192.0.2.0/24', '::ffff:c000:207', 200],
    ['192.0.2.0/24', '::ffff:198.51.100.7', 403],
    ['::ffff:192.0.2.0/120', '192.0.2.7', 200],
    ['0.0.0.0/0', '203.0.113.9', 200],
    ['0.0.0.0/0', '2001:db8::1', 403],
    ['::/0', '2001:db8::1', 200],
    ['::/0', '203.0.113.9', 403],
    ['fe80::/64', 'fe80::1%eth0', 200],
    ['fe80::/64', 'fe80:1::1%eth0', 403],
    ['2001:db8::/32', '2001:0DB8:0:0:0:0:0:1', 200],
  ])('%s and %s: %i', async (entry, address, status) => {
    expect(await statusOf(keyWith([entry]), address)).toBe(status)
  })

  test('the service is told the one form', async () => {
    await ask(keyWith(['192.0.2.0/24']), '::ffff:c000:207')
    const [payload = ''] = String(gateway.memory.seen.at(-1)?.headers['x-memoric-identity']).split('.')
    expect(Buffer.from(payload, 'base64url').toString()).toContain('"192.0.2.7"')
  })
})

describe('X-Forwarded-For', () => {
  const text = () => keyWith(['192.0.2.0/24'])

  test('is not believed without a trusted proxy', async () => {
    expect(await statusOf(text(), '198.51.100.7', '192.0.2.7')).toBe(403)
    expect(await statusOf(text(), '192.0.2.7', '198.51.100.7')).toBe(200)
  })

  test('is not believed from somebody else than the proxy', async () => {
    expect(await statusOf(text(), '198.51.100.7', '192.0.2.7', proxied)).toBe(403)
    expect(await statusOf(text(), '198.51.100.7', '192.0.2.7, 10.0.0.1', proxied)).toBe(403)
  })

  test('is read from its end: what the client wrote before the proxies is not believed', async () => {
    expect(await statusOf(text(), '10.0.0.1', '192.0.2.7', proxied)).toBe(200)
    expect(await statusOf(text(), 'fd00::1', '192.0.2.7, 10.9.9.9', proxied)).toBe(200)
    expect(await statusOf(text(), '10.0.0.1', '192.0.2.7, 198.51.100.7', proxied)).toBe(403)
    expect(await statusOf(text(), '10.0.0.1', '192.0.2.7, 198.51.100.7, 10.9.9.9', proxied)).toBe(403)
    expect(await statusOf(text(), '::ffff:10.0.0.1', '::ffff:192.0.2.7', proxied)).toBe(200)
  })

  test.each([
    'unknown',
    '198.51.100.7:80',
    '[unknown]:80',
    '192.0.2',
    '192.0.2.7/24',
    '0xc0000207',
    'x'.repeat(3000),
    '127.0.0.1\t',
  ])('of %j is no address that is allowed', async (value) => {
    expect(await statusOf(text(), '10.0.0.1', value, proxied)).toBe(403)
  })

  test('may have the port of the client behind its address', async () => {
    expect(await statusOf(text(), '10.0.0.1', '192.0.2.7:40001', proxied)).toBe(200)
    expect(await statusOf(text(), '10.0.0.1', '198.51.100.7, 192.0.2.7:40002', proxied)).toBe(200)
  })

  test('twice is one list', async () => {
    const headers = { 'x-api-key': text(), 'x-forwarded-for': ['192.0.2.7', '198.51.100.7'] }
    const answer = await proxied.inject({ url: '/v1/memories', headers: headers as never, remoteAddress: '10.0.0.1' })
    expect(answer.statusCode).toBe(403)
  })
})

test('a grant whose networks make no sense admits nobody', async () => {
  expect(await statusOf(keyWith(['nonsense']), '192.0.2.7')).toBeGreaterThanOrEqual(400)
  expect(gateway.memory.seen).toEqual([])
})
