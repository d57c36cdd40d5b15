import { randomUUID } from 'node:crypto'
import { PLATFORM_TENANT, tenantId, type TenantId } from '@memoric/contracts/ids.ts'
import { refusalsBody } from '@memoric/contracts/refusals.ts'
import { expect, test } from 'vitest'
import { createRefusalTally, type Refusal } from '../src/refusals/refusal-tally.ts'

const NOW = 1_800_000_000_000

function newTenant(): TenantId {
  return tenantId.parse(randomUUID())
}

function refusal(changes: Partial<Refusal> = {}): Refusal {
  return {
    type: 'authz.denied',
    tenantId: PLATFORM_TENANT,
    principal: { type: 'anonymous', id: 'anonymous' },
    reason: 'permission_denied',
    resourceId: null,
    endpoint: '/v1/memories',
    method: 'GET',
    statusCode: 403,
    requestId: randomUUID(),
    clientAddress: '203.0.113.1',
    userAgent: null,
    durationMs: 1,
    ...changes,
  }
}

test('the first of a kind is told in full, and how many there were', () => {
  const tally = createRefusalTally({ now: () => NOW })
  const first = refusal({ userAgent: 'the first' })
  tally.add(first)
  tally.add(refusal({ userAgent: 'the second' }))
  expect(tally.drain()).toEqual([{ ...first, id: expect.any(String), at: NOW, count: 2 }])
  expect(tally.isEmpty()).toBe(true)
  expect(tally.drain()).toEqual([])
})

test.each<[string, Partial<Refusal>]>([
  ['type', { type: 'request.refused' }],
  ['reason', { reason: 'subject_not_allowed' }],
  ['tenant', { tenantId: newTenant() }],
  ['principal', { principal: { type: 'user', id: randomUUID() } }],
  ['address', { clientAddress: '203.0.113.2' }],
  ['endpoint', { endpoint: null }],
  ['method', { method: 'DELETE' }],
])('another %s is another report', (_what, changes) => {
  const tally = createRefusalTally()
  tally.add(refusal())
  tally.add(refusal(changes))
  expect(tally.drain().map(({ count }) => count)).toEqual([1, 1])
})

test('more than 500 of one tenant are only counted, for that tenant, and leave room for another', () => {
  const tally = createRefusalTally()
  const [noisy, quiet] = [newTenant(), newTenant()]
  for (let i = 0; i < 5000; i++) tally.add(refusal({ tenantId: noisy, clientAddress: `a${i}` }))
  tally.add(refusal({ tenantId: quiet }))
  const reports = tally.drain()
  expect(reports.filter((report) => report.tenantId === quiet)).toHaveLength(1)
  const ofNoisy = reports.filter((report) => report.tenantId === noisy)
  expect(ofNoisy).toHaveLength(501)
  expect(ofNoisy.at(-1)).toMatchObject({
    type: 'refusals.dropped',
    reason: 'too_many',
    principal: { type: 'service', id: 'gateway' },
    statusCode: null,
    count: 4500,
  })
})

test('no flood makes more than a thousand reports and a line for each tenant', () => {
  const tally = createRefusalTally()
  for (let i = 0; i < 10_000; i++) tally.add(refusal({ tenantId: newTenant(), clientAddress: `a${i}` }))
  const reports = tally.drain()
  expect(reports.length).toBeLessThanOrEqual(2001)
  expect(reports.reduce((sum, { count }) => sum + count, 0)).toBe(10_000)
})

test('what could not be told is counted for its tenant', () => {
  const tally = createRefusalTally()
  const tenant = newTenant()
  for (let i = 0; i < 3; i++) tally.add(refusal({ tenantId: tenant }))
  tally.lose(tally.drain())
  expect(tally.drain()).toMatchObject([{ type: 'refusals.dropped', tenantId: tenant, count: 3 }])
})

test('every report is one that auth takes, and what 250 of the longest ones need is less than a body may have', () => {
  const tally = createRefusalTally()
  for (let i = 0; i < 250; i++) {
    const clientAddress = `${i}`.padEnd(64, 'é')
    tally.add(refusal({ clientAddress, userAgent: '"'.repeat(512), endpoint: 'x'.repeat(256), reason: 'x'.repeat(64) }))
  }
  const text = JSON.stringify({ refusals: tally.drain() })
  expect(refusalsBody.safeParse(JSON.parse(text)).success).toBe(true)
  expect(Buffer.byteLength(text)).toBeLessThan(1_048_576)
})
