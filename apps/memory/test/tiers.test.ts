import type { Caller } from '@memoric/contracts/caller.ts'
import type { TierStatistics } from '@memoric/contracts/tier-contract.ts'
import { expect, test } from 'vitest'
import { type Answer, call, newCaller, type ProblemBody, remember, useMemory } from './use-memory.ts'

const memory = useMemory()

const DAY_MS = 86_400_000

interface Tiers {
  readonly items: TierStatistics[]
  readonly policy_version: number
}

function tiersFor(caller: Caller, query = ''): Promise<Answer<Tiers>> {
  return call<Tiers>(memory.app, caller, 'GET', `/v1/tiers${query}`)
}

function daysAgo(days: number): string {
  return new Date(Date.now() - days * DAY_MS).toISOString()
}

async function rememberOldAndNew(caller: Caller): Promise<void> {
  const tell = (content: string, more: object) => remember(memory.app, caller, { content, ...more })
  await tell('fresh', { tier: 'short_term', occurred_at: daysAgo(0.01) })
  await tell('soon gone', { tier: 'short_term', occurred_at: daysAgo(0.01), ttl_seconds: 3600 })
  await tell('of the day before', { tier: 'short_term', occurred_at: daysAgo(3) })
  await tell('of last week', { tier: 'mid_term', occurred_at: daysAgo(7) })
  await tell('of a month ago', { tier: 'mid_term', occurred_at: daysAgo(29.5), subject_id: 'bob' })
}

test('each tier is told with counts, bytes, ages and what will leave it', async () => {
  const caller = newCaller()
  await rememberOldAndNew(caller)
  const { body } = await tiersFor(caller)
  expect(body.policy_version).toBe(0)
  expect(body.items.map(({ tier, memories, subjects }) => [tier, memories, subjects])).toEqual([
    ['short_term', 3, 1],
    ['mid_term', 2, 2],
    ['long_term', 0, 0],
  ])
  const [short, mid, long] = body.items
  expect(short?.next_24_hours).toEqual({ forgotten: 1, leaving: 3, leaving_to: 'mid_term', over_capacity: 0 })
  expect(mid?.next_24_hours).toEqual({ forgotten: 0, leaving: 1, leaving_to: 'long_term', over_capacity: 0 })
  expect(long).toMatchObject({ bytes: 0, oldest_at: null, median_age_days: null, capacity: null, utilisation: null })
  expect(mid?.average_age_days).toBeCloseTo(18.25, 1)
  expect(short?.median_age_days).toBeCloseTo(0.01, 2)
  const [sum] = await memory.admin`
    select sum(octet_length(sealed))::int as bytes from memories where tenant_id = ${caller.tenantId} and tier = 'mid_term'`
  expect(mid?.bytes).toBe(sum?.['bytes'])
})

test('a capacity says how full the tier is for the subject that has most', async () => {
  const caller = newCaller()
  await rememberOldAndNew(caller)
  const tiers = [
    { name: 'short_term', capacity: { memories: 2 } },
    { name: 'mid_term', expiry_days: 5, on_expiry: 'delete', capacity: { memories: 4, on_overflow: 'delete' } },
  ]
  const put = await call(memory.app, caller, 'PUT', '/v1/policies', { policy: { tiers } })
  expect(put.status).toBe(200)
  const [short, mid] = (await tiersFor(caller)).body.items
  expect(short).toMatchObject({ capacity: 2, utilisation: 1.5 })
  expect(short?.next_24_hours).toEqual({ forgotten: 1, leaving: 0, leaving_to: null, over_capacity: 1 })
  expect(mid).toMatchObject({ capacity: 4, utilisation: 0.25 })
  expect(mid?.next_24_hours).toMatchObject({ leaving: 2, leaving_to: 'deletion' })
})

test('only what the caller may see is counted', async () => {
  const caller = newCaller()
  await rememberOldAndNew(caller)
  await remember(memory.app, caller, { content: 'at work', namespace: 'work', tier: 'long_term' })
  const counts = async (who: Caller, query = '') =>
    (await tiersFor(who, query)).body.items.map(({ memories }) => memories)
  expect(await counts(newCaller())).toEqual([0, 0, 0])
  expect(await counts(caller, '?subject_id=bob')).toEqual([0, 1, 0])
  expect(await counts({ ...caller, subjects: ['bob'] })).toEqual([0, 1, 0])
  expect(await counts({ ...caller, namespaces: ['work'] })).toEqual([0, 0, 1])
  expect(await counts(caller, '?namespace=work')).toEqual([0, 0, 1])
})

test('a subject outside the list, a withdrawn consent and a missing permission are refused', async () => {
  const caller = newCaller()
  await rememberOldAndNew(caller)
  const codeOf = async (who: Caller, query: string) =>
    (await call<ProblemBody>(memory.app, who, 'GET', `/v1/tiers${query}`)).body.code
  expect(await codeOf({ ...caller, subjects: ['ada'] }, '?subject_id=bob')).toBe('subject_not_allowed')
  expect(await codeOf({ ...caller, namespaces: ['home'] }, '?namespace=work')).toBe('namespace_not_allowed')
  expect(await codeOf({ ...caller, permissions: ['memories:read'] }, '')).toBe('permission_denied')
  expect(await codeOf(caller, '?tier=short_term')).toBe('validation_failed')
  const consent = { purpose: 'memory', status: 'withdrawn' }
  await call(memory.app, caller, 'PUT', '/v1/privacy/subjects/bob/consents', consent)
  expect(await codeOf(caller, '?subject_id=bob')).toBe('consent_withdrawn')
})
