import type { Memory } from '@memoric/contracts/memory-contract.ts'
import type { PolicyRunView } from '@memoric/contracts/policy-contract.ts'
import type { TierStatistics } from '@memoric/contracts/tier-contract.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { tierNumber } from '../src/search/tier-number.ts'
import { call, contents, newCaller, type ProblemBody, remember, search, useMemory } from './use-memory.ts'

const memory = useMemory()
type Caller = ReturnType<typeof newCaller>

const DAY = 86_400_000
const daysAgo = (days: number) => new Date(Date.now() - days * DAY).toISOString()

const OWN = {
  tiers: [
    { name: 'hot', expiry_days: 2 },
    { name: 'warm', expiry_days: 20 },
    { name: 'cold', expiry_days: 200 },
    { name: 'vault' },
  ],
  default_tier: 'hot',
}

const put = (caller: Caller, policy: object, more: object = {}) =>
  call<ProblemBody & { version: number; dry_run?: PolicyRunView['report'] }>(
    memory.app,
    caller,
    'PUT',
    '/v1/policies',
    {
      policy,
      ...more,
    },
  )
const run = (caller: Caller) => call<PolicyRunView>(memory.app, caller, 'POST', '/v1/policies/run', {})
const tell = async (caller: Caller, body: object) =>
  (await remember(memory.app, caller, { content: 'a note', on_duplicate: 'create', subject_id: 'ada', ...body })).body
const tiersOf = async (caller: Caller) => {
  const { body } = await call<{ items: TierStatistics[] }>(memory.app, caller, 'GET', '/v1/tiers')
  return body.items.map(({ tier, memories }) => [tier, memories])
}

test('memories are written into own tiers, move through them by age, are found by them and counted in them', async () => {
  const caller = newCaller()
  expect((await put(caller, OWN)).status).toBe(200)
  const ages = [0, 5, 50, 500]
  for (const age of ages) await tell(caller, { content: `of ${age} days`, occurred_at: daysAgo(age) })
  expect(await tiersOf(caller)).toEqual([
    ['hot', 4],
    ['warm', 0],
    ['cold', 0],
    ['vault', 0],
  ])
  const { body } = await run(caller)
  expect(body.report.moved.toSorted((a, b) => (a.to < b.to ? -1 : 1))).toEqual([
    { from: 'hot', to: 'cold', memories: 1 },
    { from: 'hot', to: 'vault', memories: 1 },
    { from: 'hot', to: 'warm', memories: 1 },
  ])
  for (const [at, tier] of ['hot', 'warm', 'cold', 'vault'].entries()) {
    const found = await search(memory.app, caller, { subject_id: 'ada', filters: { tier } })
    expect(contents(found)).toEqual([`of ${ages[at]} days`])
    const listed = await call<{ items: Memory[] }>(memory.app, caller, 'GET', `/v1/memories?tier=${tier}`)
    expect(listed.body.items.map(({ content }) => content)).toEqual([`of ${ages[at]} days`])
  }
})

test('routing, promotion by use and by hand name own tiers', async () => {
  const caller = newCaller()
  await put(caller, {
    ...OWN,
    routing: [{ when: { importance: { at_least: 0.9 } }, to: 'vault' }],
    promotion: [{ from: ['hot'], to: 'cold', min_seen_count: 2 }],
  })
  expect((await tell(caller, { importance: 1 })).tier).toBe('vault')
  const twice = { content: 'twice', subject_id: 'ada' }
  const { body: made } = await remember(memory.app, caller, twice)
  await remember(memory.app, caller, twice)
  await run(caller)
  const promote = (body: object) =>
    call<Memory & ProblemBody>(memory.app, caller, 'POST', `/v1/memories/${made.id}/promote`, body)
  expect((await promote({ to: 'warm' })).body.code).toBe('rule_violated')
  expect((await promote({})).body.tier).toBe('vault')
})

test('an unknown tier is refused with what there is, and nothing is written', async () => {
  const caller = newCaller()
  await put(caller, OWN)
  const { id } = await tell(caller, {})
  const answers = await Promise.all([
    call<ProblemBody>(memory.app, caller, 'POST', '/v1/memories', { content: 'x', tier: 'tepid' }),
    call<ProblemBody>(memory.app, caller, 'POST', '/v1/memories', { content: 'x', tier: 'short_term' }),
    call<ProblemBody>(memory.app, caller, 'PATCH', `/v1/memories/${id}`, { tier: 'tepid' }),
    call<ProblemBody>(memory.app, caller, 'POST', '/v1/memories/search', { filters: { tier: 'tepid' } }),
    call<ProblemBody>(memory.app, caller, 'POST', '/v1/context', { filters: { tier: 'tepid' } }),
    call<ProblemBody>(memory.app, caller, 'GET', '/v1/memories?tier=tepid'),
  ])
  expect(answers.map(({ status, body }) => [status, body.code, body.errors?.[0]?.pointer])).toEqual([
    [422, 'rule_violated', '/tier'],
    [422, 'rule_violated', '/tier'],
    [422, 'rule_violated', '/tier'],
    [422, 'rule_violated', '/filters/tier'],
    [422, 'rule_violated', '/filters/tier'],
    [422, 'rule_violated', 'query/tier'],
  ])
  expect(answers[0].body.errors![0]!.message).toBe('must be one of hot, warm, cold, vault')
  const batch = await call<{ items: { status: number; problem?: ProblemBody }[] }>(
    memory.app,
    caller,
    'POST',
    '/v1/memories/batch',
    {
      items: [
        { content: 'good', tier: 'cold' },
        { content: 'bad', tier: 'tepid' },
      ],
    },
  )
  expect(batch.body.items.map(({ status, problem }) => [status, problem?.code])).toEqual([
    [201, undefined],
    [422, 'rule_violated'],
  ])
  expect(await tiersOf(caller)).toEqual([
    ['hot', 1],
    ['warm', 0],
    ['cold', 1],
    ['vault', 0],
  ])
})

test.each(['Hot', '', 'a b', '1st', 'x'.repeat(33), 'ärmel', 'deletion', 'a.b'])(
  'refuses the name %j',
  async (name) => {
    const { status, body } = await put(newCaller(), { tiers: [{ name }], default_tier: name })
    expect([status, body.code]).toEqual([400, 'validation_failed'])
    expect(body.errors!.map(({ pointer }) => pointer)).toContain('/policy/tiers/0/name')
  },
)

test('a policy has sixteen tiers at most', async () => {
  const tiers = (count: number) => Array.from({ length: count }, (_, at) => ({ name: `t${at}` }))
  const caller = newCaller()
  expect((await put(caller, { tiers: tiers(17), default_tier: 't0' })).body.errors![0]!.pointer).toBe('/policy/tiers')
  expect((await put(caller, { tiers: tiers(16), default_tier: 't0' })).status).toBe(200)
})

test('a tier that has memories is not left out; another takes them, and the next run moves them', async () => {
  const caller = newCaller()
  const { id } = await tell(caller, { tier: 'mid_term' })
  await tell(caller, { tier: 'mid_term', occurred_at: daysAgo(50) })
  await tell(caller, {})
  expect((await put(caller, OWN, { dry_run: true })).status).toBe(422)
  const refused = await put(caller, OWN)
  expect([refused.status, refused.body.code]).toEqual([422, 'rule_violated'])
  expect(refused.body.errors).toEqual([
    {
      pointer: '/policy/tiers',
      message: 'leaves out mid_term (memories in it: 2): name it in takes of another tier',
    },
    {
      pointer: '/policy/tiers',
      message: 'leaves out short_term (memories in it: 1): name it in takes of another tier',
    },
  ])
  const [hot, warm, ...others] = OWN.tiers
  const taking = {
    ...OWN,
    tiers: [{ ...hot, takes: ['short_term'] }, { ...warm, takes: ['mid_term', 'long_term'] }, ...others],
  }
  const preview = await put(caller, taking, { dry_run: true })
  expect(preview.body.dry_run!.moved).toHaveLength(3)
  expect((await put(caller, taking)).body.version).toBe(1)
  const { body: told } = await call<{ items: TierStatistics[] }>(memory.app, caller, 'GET', '/v1/tiers')
  expect(told.items.find(({ tier }) => tier === 'mid_term')!.next_24_hours).toMatchObject({
    leaving: 2,
    leaving_to: 'warm',
  })
  const inMid = await search(memory.app, caller, { subject_id: 'ada', filters: { tier: 'mid_term' } })
  expect(inMid.body.results).toHaveLength(2)
  await run(caller)
  expect(await tiersOf(caller)).toEqual([
    ['hot', 1],
    ['warm', 1],
    ['cold', 1],
    ['vault', 0],
  ])
  const { body } = await call(memory.app, caller, 'GET', `/v1/memories/${id}`)
  expect([body.tier, body.version]).toEqual(['warm', 1])
  const moved = (await memory.events('memory.moved')).filter(({ tenantid }) => tenantid === caller.tenantId)
  expect(moved.map(({ data }) => (data.details as { why: string }).why)).toEqual(['tiers', 'tiers', 'tiers'])
  expect((await put(caller, OWN)).status).toBe(200)
})

test.each([
  [{ tiers: [{ name: 'a', takes: ['a'] }], default_tier: 'a' }, '/policy/tiers/0/takes/0'],
  [
    {
      tiers: [
        { name: 'a', takes: ['c'] },
        { name: 'b', takes: ['c'] },
      ],
      default_tier: 'a',
    },
    '/policy/tiers/1/takes/0',
  ],
])('refuses %j', async (policy, pointer) => {
  const { status, body } = await put(newCaller(), policy)
  expect([status, body.errors![0]!.pointer]).toEqual([400, pointer])
})

test('tiers are those of one tenant: another one keeps the usual ones', async () => {
  await put(newCaller(), OWN)
  const other = newCaller()
  expect((await tell(other, { tier: 'long_term' })).tier).toBe('long_term')
  const { body } = await call<ProblemBody>(memory.app, other, 'POST', '/v1/memories', { content: 'x', tier: 'hot' })
  expect(body.code).toBe('rule_violated')
})

test('a handoff goes to the last of own tiers', async () => {
  const caller = newCaller()
  await put(caller, OWN)
  const { status, body } = await call<{ id: string }>(memory.app, caller, 'POST', '/v1/handoffs', {
    subject_id: 'ada',
    session_id: 's1',
    with_whom: 'Grace',
    experienced: 'We met.',
  })
  expect(status).toBe(201)
  expect((await call(memory.app, caller, 'GET', `/v1/memories/${body.id}`)).body.tier).toBe('vault')
})

test('a memory in a tier that no policy knows stays there, is told of, and can be taken', async () => {
  const caller = newCaller()
  await put(caller, OWN)
  await tell(caller, {})
  await memory.admin`update memories set tier = 'lost' where tenant_id = ${caller.tenantId}`
  await run(caller)
  expect(await tiersOf(caller)).toContainEqual(['lost', 1])
  const [hot, ...others] = OWN.tiers
  await put(caller, { ...OWN, tiers: [{ ...hot, takes: ['lost'] }, ...others] })
  await run(caller)
  expect(await tiersOf(caller)).not.toContainEqual(['lost', 1])
})

test('names have numbers of their own, which leave the bit of summaries free', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z][a-z0-9_-]{0,31}$/), (name) => {
      const number = tierNumber(name)
      expect(number).toBe(tierNumber(name))
      expect(Number.isInteger(number) && number >= 0 && number < 2 ** 32).toBe(true)
      expect((number & 4) >>> 0).toBe(0)
    }),
  )
})
