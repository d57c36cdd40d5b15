import type { Memory, MemoryVersion } from '@memoric/contracts/memory-contract.ts'
import type { PolicyRunView } from '@memoric/contracts/policy-contract.ts'
import { expect, test } from 'vitest'
import { call, contents, newCaller, type ProblemBody, remember, search, useMemory } from './use-memory.ts'

interface PolicyBody {
  version: number
  policy: { tiers: { name: string }[] }
  warnings: { pointer: string; message: string }[]
  written_by: string | null
  dry_run?: PolicyRunView['report']
}
type Caller = ReturnType<typeof newCaller>

const memory = useMemory()
const DAY = 86_400_000
const daysAgo = (days: number) => new Date(Date.now() - days * DAY).toISOString()

const put = <B = PolicyBody>(caller: Caller, policy: object, more: object = {}, headers = {}) =>
  call<B>(memory.app, caller, 'PUT', '/v1/policies', { policy, ...more }, headers)
const run = (caller: Caller, body: object = {}) =>
  call<PolicyRunView>(memory.app, caller, 'POST', '/v1/policies/run', body)
const get = (caller: Caller, id: string) => call(memory.app, caller, 'GET', `/v1/memories/${id}`)
const history = async (caller: Caller, id: string) =>
  (await call<{ items: MemoryVersion[] }>(memory.app, caller, 'GET', `/v1/memories/${id}/history`)).body.items
const eventsOf = async (caller: Caller, type: string) =>
  (await memory.events(type)).filter(({ tenantid }) => tenantid === caller.tenantId)

const TIERS = [
  { name: 'short_term', expiry_days: 1 },
  { name: 'mid_term', expiry_days: 30 },
  { name: 'long_term', expiry_days: 3650 },
]
const withLongTerm = (more: object) => [TIERS[0], TIERS[1], { ...TIERS[2], ...more }]

async function sayInThread(caller: Caller, count: number, more: object = {}): Promise<Memory[]> {
  const items = Array.from({ length: count }, (_, at) => ({
    content: `On day ${at} Ada planted tulips and watered the roses in garden bed number ${at}.`,
    subject_id: 'ada',
    thread_id: 'garden',
    tier: 'long_term',
    occurred_at: daysAgo(100 - at / 10),
    ...more,
  }))
  const answer = await call<{ items: { memory: Memory }[] }>(memory.app, caller, 'POST', '/v1/memories/batch', {
    items,
  })
  return answer.body.items.map((item) => item.memory)
}

test('a tenant that stored no policy has the default one, which deletes, cuts and summarises nothing', async () => {
  const { status, body, headers } = await call<PolicyBody>(memory.app, newCaller(), 'GET', '/v1/policies')
  expect([status, body.version, headers['etag'], body.warnings]).toEqual([200, 0, '"0"', []])
  const tiers = TIERS.map((tier) => ({
    ...tier,
    takes: [],
    on_expiry: 'move',
    ttl_seconds: null,
    capacity: null,
    trim: null,
    summarise: null,
  }))
  expect(body.policy.tiers).toEqual(tiers)
})

test('versions count up, are kept, are told of, and If-Match keeps one from being overwritten', async () => {
  const caller = newCaller()
  expect((await put(caller, {})).body.version).toBe(1)
  expect((await put(caller, { default_tier: 'mid_term' }, {}, { 'if-match': '"1"' })).body.version).toBe(2)
  const stale = await put<ProblemBody>(caller, {}, {}, { 'if-match': '"1"' })
  expect([stale.status, stale.body.code]).toEqual([412, 'policy_changed'])
  const { body } = await call<{ items: PolicyBody[] }>(memory.app, caller, 'GET', '/v1/policies/history')
  expect(body.items.map(({ version }) => version)).toEqual([2, 1])
  expect(body.items[0]!.written_by).toBe(`api_key:${caller.principal.id}`)
  expect(await eventsOf(caller, 'policy.changed')).toHaveLength(2)
})

test('ten who store at once get ten versions', async () => {
  const caller = newCaller()
  const answers = await Promise.all(Array.from({ length: 10 }, () => put(caller, {})))
  expect(answers.map(({ body }) => body.version).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

test.each([
  [{ tiers: [] }, '/policy/tiers'],
  [{ tiers: [TIERS[0], TIERS[0]], default_tier: 'short_term' }, '/policy/tiers/1/name'],
  [{ tiers: [{ name: 'Attic' }] }, '/policy/tiers/0/name'],
  [{ tiers: [{ name: 'long_term' }] }, '/policy/default_tier'],
  [
    { routing: [{ when: { importance: { at_least: 0.9, below: 0.2 } }, to: 'mid_term' }] },
    '/policy/routing/0/when/importance/below',
  ],
  [{ promotion: [{ from: ['long_term'], to: 'mid_term', min_recalls: 1 }] }, '/policy/promotion/0/from/0'],
  [{ promotion: [{ from: ['short_term'], to: 'mid_term' }] }, '/policy/promotion/0'],
  [{ scoring: { rules: [{ rule: 'topic_boost', amount: 0.5 }] } }, '/policy/scoring/rules/0/topic'],
  [{ colour: 'green' }, '/policy/colour'],
])('refuses %j and says where', async (policy, pointer) => {
  const caller = newCaller()
  const { status, body } = await put<ProblemBody>(caller, policy)
  expect([status, body.code]).toEqual([400, 'validation_failed'])
  expect(body.errors!.map((error) => error.pointer)).toContain(pointer)
  expect((await call<PolicyBody>(memory.app, caller, 'GET', '/v1/policies')).body.version).toBe(0)
})

test('a model that nobody set up cannot be asked for', async () => {
  const { status, body } = await put<ProblemBody>(newCaller(), { summarisation: { summariser: 'model' } })
  expect([status, body.code, body.errors![0]!.pointer]).toEqual([
    422,
    'rule_violated',
    '/policy/summarisation/summariser',
  ])
})

test('rules that never decide, and tiers where nothing stays, are reported', async () => {
  const { body } = await put(newCaller(), {
    tiers: [{ name: 'short_term', expiry_days: 30 }, { name: 'mid_term', expiry_days: 30 }, { name: 'long_term' }],
    routing: [
      { when: { importance: { at_least: 0.5 } }, to: 'long_term' },
      { when: { importance: { at_least: 0.8 }, tags: ['x'] }, to: 'mid_term' },
      { when: { topic: ['Tea', 'coffee'] }, to: 'mid_term' },
      { when: { topic: ['tea'] }, to: 'long_term' },
      { when: { score: { at_least: 1.5 } }, to: 'long_term' },
      { when: {}, to: 'short_term' },
      { when: { role: ['user'] }, to: 'mid_term' },
    ],
  })
  expect(body.warnings.map(({ pointer }) => pointer)).toEqual([
    '/routing/1',
    '/routing/3',
    '/routing/4/when/score',
    '/routing/6',
    '/tiers/0/expiry_days',
  ])
})

test('a promotion that never decides is reported', async () => {
  const from = ['short_term', 'mid_term']
  const { body } = await put(newCaller(), {
    promotion: [
      { from, to: 'long_term', min_seen_count: 3 },
      { from: ['mid_term'], to: 'long_term', min_seen_count: 5, min_score: 0.5 },
      { from, to: 'long_term', min_recalls: 3 },
      { from: [...from], to: 'long_term', min_seen_count: 2, min_recalls: 2 },
    ],
  })
  expect(body.warnings.map(({ pointer }) => pointer)).toEqual(['/promotion/1'])
})

test('the first rule that fits routes a write; the caller, where it names a tier, decides', async () => {
  const caller = newCaller()
  await put(caller, {
    routing: [
      { when: { importance: { at_least: 0.8 } }, to: 'long_term' },
      { when: { topic: ['Tea'], length: { below: 20 } }, to: 'mid_term' },
      { when: { tags: ['keep', 'hold'] }, to: 'long_term' },
      { when: { age_days: { at_least: 10 } }, to: 'long_term' },
      { when: { role: ['system'], score: { at_least: 0.5 } }, to: 'mid_term' },
    ],
  })
  const tierOf = async (body: object) => (await remember(memory.app, caller, { content: 'a note', ...body })).body.tier
  expect(await tierOf({ importance: 'high' })).toBe('long_term')
  expect(await tierOf({ content: 'short', topic: 'tea' })).toBe('mid_term')
  expect(await tierOf({ content: 'much longer than that is', topic: 'tea' })).toBe('short_term')
  expect(await tierOf({ content: 'held', tags: ['x', 'HOLD'] })).toBe('long_term')
  expect(await tierOf({ content: 'old', occurred_at: daysAgo(11) })).toBe('long_term')
  expect(await tierOf({ content: 'sys', role: 'system' })).toBe('mid_term')
  expect(await tierOf({ content: 'named', importance: 'high', tier: 'short_term' })).toBe('short_term')
  const other = newCaller()
  expect((await remember(memory.app, other, { content: 'x', importance: 'high' })).body.tier).toBe('short_term')
})

test('a tier lets what is written into it end, unless the caller says when; what is promoted stays', async () => {
  const caller = newCaller()
  await put(caller, { tiers: [{ ...TIERS[0], ttl_seconds: 3600 }, TIERS[1], TIERS[2]] })
  const { body } = await remember(memory.app, caller, { content: 'brief' })
  expect(Date.parse(body.expires_at!) - Date.parse(body.created_at)).toBe(3_600_000)
  const own = await remember(memory.app, caller, { content: 'own', ttl_seconds: 60 })
  expect(Date.parse(own.body.expires_at!) - Date.parse(own.body.created_at)).toBe(60_000)
  const promoted = await call(memory.app, caller, 'POST', `/v1/memories/${body.id}/promote`)
  expect([promoted.body.tier, promoted.body.expires_at]).toEqual(['mid_term', null])
  expect(
    (await call(memory.app, caller, 'POST', `/v1/memories/${own.body.id}/promote`, {})).body.expires_at,
  ).not.toBeNull()
})

test('a change of the policy is known to another process within a second', async () => {
  const another = await memory.startAnother()
  const caller = newCaller()
  expect((await remember(another.app, caller, { content: 'before' })).body.tier).toBe('short_term')
  await put(caller, { default_tier: 'mid_term' })
  let at = 0
  await expect
    .poll(async () => (await remember(another.app, caller, { content: `after ${at++}` })).body.tier, { timeout: 1000 })
    .toBe('mid_term')
})

test('weights and rules of the policy decide the order of a search', async () => {
  const caller = newCaller()
  await remember(memory.app, caller, { content: 'tea in the garden', topic: 'plants' })
  await remember(memory.app, caller, { content: 'tea in the kitchen', topic: 'cooking' })
  const boosted = async (topic: string) => {
    await put(caller, { scoring: { rules: [{ rule: 'topic_boost', topic, amount: 1 }], weights: { rules: 2 } } })
    return contents(await search(memory.app, caller, { query: 'tea' }))[0]
  }
  expect(await boosted('Plants')).toBe('tea in the garden')
  expect(await boosted('cooking')).toBe('tea in the kitchen')
  const { body } = await search(memory.app, caller, { query: 'tea', explain: true })
  expect(body.results[0]!.explanation!.rules.applied).toEqual([{ rule: 'topic_boost', amount: 1 }])
})

test('nothing of a policy is readable in the database', async () => {
  const caller = newCaller()
  await put(caller, { routing: [{ when: { topic: ['xylophone'] }, to: 'mid_term' }] })
  const [row] = await memory.admin<{ found: number }[]>`
    select position('xylophone'::bytea in sealed) as found from policies where tenant_id = ${caller.tenantId}`
  expect(row!.found).toBe(0)
})

test('credentials with limits change no policy and run only what is theirs; other tenants see nothing', async () => {
  const caller = newCaller()
  await put(caller, {})
  const limited = { ...caller, subjects: ['ada'] }
  expect((await put<ProblemBody>(limited, {})).status).toBe(403)
  expect((await put<ProblemBody>({ ...caller, namespaces: ['work'] }, {})).status).toBe(403)
  expect((await run(limited)).status).toBe(403)
  expect((await run(limited, { subject_id: 'bob' })).status).toBe(403)
  expect((await run({ ...caller, namespaces: ['work'] }, { subject_id: 'ada' })).status).toBe(403)
  const own = await run(limited, { subject_id: 'ada' })
  const all = await run(caller)
  expect([own.status, all.status]).toEqual([200, 200])
  const seen = await call<{ items: PolicyRunView[] }>(memory.app, limited, 'GET', '/v1/policies/runs')
  expect(seen.body.items.map(({ id }) => id)).toEqual([own.body.id])
  expect((await call(memory.app, limited, 'GET', `/v1/policies/runs/${all.body.id}`)).status).toBe(404)
  expect((await call(memory.app, newCaller(), 'GET', `/v1/policies/runs/${all.body.id}`)).status).toBe(404)
  const reader = { ...caller, permissions: ['memories:read' as const] }
  expect((await put<ProblemBody>(reader, {})).status).toBe(403)
  expect((await run(reader)).status).toBe(403)
})

test('memories go on as far as their own age takes them, whenever the policy runs; nothing else of them changes', async () => {
  const caller = newCaller()
  const made = await Promise.all(
    [0.5, 2, 31, 4000].map((days) =>
      remember(memory.app, caller, { content: `${days}`, subject_id: 'ada', occurred_at: daysAgo(days) }),
    ),
  )
  const dry = await run(caller, { dry_run: true })
  expect((await get(caller, made[1]!.body.id)).body.tier).toBe('short_term')
  const { body } = await run(caller)
  expect(dry.body.report).toEqual(body.report)
  expect(body.report).toMatchObject({ subjects: 1, memories: 4, complete: true, failed: 0 })
  const after = await Promise.all(made.map(async ({ body: { id } }) => (await get(caller, id)).body))
  expect(after.map(({ tier }) => tier)).toEqual(['short_term', 'mid_term', 'long_term', 'long_term'])
  expect(after).toEqual(made.map(({ body: before }, at) => ({ ...before, tier: after[at]!.tier })))
  const again = await run(caller)
  expect(again.body.report).toMatchObject({ memories: 4, moved: [], promoted: 0 })
  const found = await search(memory.app, caller, { subject_id: 'ada', filters: { tier: 'long_term' } })
  expect(contents(found).toSorted()).toEqual(['31', '4000'])
  const moved = await eventsOf(caller, 'memory.moved')
  expect(moved.flatMap(({ data }) => (data.details as { memory_ids: string[] }).memory_ids)).toHaveLength(3)
})

test('what is used is promoted: written again, or found often', async () => {
  const caller = newCaller()
  await put(caller, {
    promotion: [
      { from: ['short_term'], to: 'long_term', min_seen_count: 3 },
      { from: ['short_term'], to: 'mid_term', min_recalls: 2 },
    ],
  })
  const written = await remember(memory.app, caller, { content: 'zebra' })
  for (const content of ['zebra', 'zebra', 'quokka', 'wombat']) await remember(memory.app, caller, { content })
  for (let times = 0; times < 2; times++) await search(memory.app, caller, { query: 'quokka' })
  await memory.deps.uses.flush()
  expect((await run(caller)).body.report.promoted).toBe(2)
  const { body } = await search(memory.app, caller, {})
  const tiers = Object.fromEntries(body.results.map(({ memory: { content, tier } }) => [content, tier]))
  expect(tiers).toEqual({ zebra: 'long_term', quokka: 'mid_term', wombat: 'short_term' })
  expect((await get(caller, written.body.id)).body.version).toBe(1)
})

test('by hand a memory goes to the next tier or a later one, never back, and a change at the same time does not undo it', async () => {
  const caller = newCaller()
  const { body } = await remember(memory.app, caller, { content: 'tea' })
  const promote = (to?: string, by = caller) =>
    call<Memory & ProblemBody>(
      memory.app,
      by,
      'POST',
      `/v1/memories/${body.id}/promote`,
      to === undefined ? {} : { to },
    )
  expect((await promote()).body).toEqual({ ...body, tier: 'mid_term' })
  const back = await promote('short_term')
  expect([back.status, back.body.code]).toEqual([422, 'rule_violated'])
  expect((await promote('attic')).status).toBe(422)
  expect((await promote('The Attic')).status).toBe(400)
  expect((await promote(undefined, newCaller())).status).toBe(404)
  expect((await promote(undefined, { ...caller, subjects: ['bob'] })).status).toBe(404)
  const changes = Array.from({ length: 10 }, (_, at) =>
    call(memory.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content: `tea ${at}` }),
  )
  await Promise.all([...changes.slice(0, 5), promote('long_term'), ...changes.slice(5)])
  expect((await get(caller, body.id)).body.tier).toBe('long_term')
  expect(await eventsOf(caller, 'memory.promoted')).toHaveLength(2)
})

test('cutting keeps the version before, stays sealed, knows the whole content again, and does not touch the age', async () => {
  const caller = newCaller()
  await put(caller, { tiers: [{ ...TIERS[0], trim: { max_characters: 100 } }, TIERS[1], TIERS[2]] })
  const content = 'Ada keeps a marmoset. '.repeat(40)
  const occurred_at = daysAgo(0.5)
  const { body } = await remember(memory.app, caller, { content, occurred_at })
  await remember(memory.app, caller, { content: 'short enough' })
  expect((await run(caller, { dry_run: true })).body.report.trimmed).toBe(1)
  expect((await run(caller)).body.report).toMatchObject({ trimmed: 1, failed: 0 })
  const after = (await get(caller, body.id)).body
  expect(after.content.length).toBeLessThanOrEqual(100)
  expect(after.content).toBe('Ada keeps a marmoset. Ada keeps a marmoset. Ada keeps a marmoset. Ada keeps a marmoset.…')
  expect([after.version, after.occurred_at, after.created_at]).toEqual([2, body.occurred_at, body.created_at])
  expect((await history(caller, body.id)).map((version) => version.content)).toEqual([after.content, content])
  const [row] = await memory.admin<{ found: number }[]>`
    select count(*)::int as found from memories where tenant_id = ${caller.tenantId} and position('marmoset'::bytea in sealed) > 0`
  expect(row!.found).toBe(0)
  expect((await remember(memory.app, caller, { content, occurred_at })).body).toMatchObject({
    id: body.id,
    seen_count: 2,
  })
  expect((await run(caller)).body.report.trimmed).toBe(0)
  expect(await eventsOf(caller, 'memory.trimmed')).toHaveLength(1)
})

test('a full tier gives up what scores lowest to the next one; where the policy says delete, it is gone everywhere', async () => {
  const caller = newCaller()
  const capacity = { memories: 3 }
  await put(caller, {
    tiers: [{ ...TIERS[0], capacity }, { ...TIERS[1], capacity: { memories: 2, on_overflow: 'delete' } }, TIERS[2]],
  })
  for (let at = 0; at < 7; at++) {
    await remember(memory.app, caller, { content: `zebra ${at}`, subject_id: 'ada', importance: at / 10 })
  }
  const dry = await run(caller, { dry_run: true })
  const { body } = await run(caller)
  expect(body.report).toMatchObject({ evicted: 4, deleted: 2 })
  expect(dry.body.report).toEqual(body.report)
  const left = await search(memory.app, caller, { query: 'zebra', subject_id: 'ada' })
  const tiers = left.body.results.map(({ memory: { content, tier } }) => `${content} ${tier}`)
  expect(tiers.toSorted()).toEqual([
    'zebra 2 mid_term',
    'zebra 3 mid_term',
    'zebra 4 short_term',
    'zebra 5 short_term',
    'zebra 6 short_term',
  ])
  expect(await eventsOf(caller, 'memory.deleted')).toHaveLength(2)
})

test('with lru what was found last stays', async () => {
  const caller = newCaller()
  await put(caller, { tiers: [{ ...TIERS[0], capacity: { memories: 1, evict: 'lru' } }, TIERS[1], TIERS[2]] })
  const { body: zebra } = await remember(memory.app, caller, { content: 'zebra' })
  await remember(memory.app, caller, { content: 'quokka', importance: 1 })
  await search(memory.app, caller, { query: 'zebra' })
  await memory.deps.uses.flush()
  await run(caller)
  expect((await get(caller, zebra.id)).body.tier).toBe('short_term')
})

test('a summary stands for its thread: of one subject only, with its sources, which stay and rank lower', async () => {
  const caller = newCaller()
  await put(caller, {
    tiers: withLongTerm({ summarise: { min_memories: 10 } }),
    summarisation: { target_characters: 300 },
  })
  const sources = await sayInThread(caller, 12)
  for (let at = 0; at < 12; at++) {
    await remember(memory.app, caller, {
      content: `Bob hides secret ${at} in the garden.`,
      subject_id: 'bob',
      thread_id: 'garden',
      tier: 'long_term',
    })
  }
  const dry = await run(caller, { dry_run: true })
  expect(dry.body.report).toMatchObject({ summaries: 2, summarised: 24 })
  expect((await run(caller)).body.report).toMatchObject({ summaries: 2, summarised: 24, fallbacks: 0 })
  const { body } = await search(memory.app, caller, {
    query: 'tulips roses garden',
    subject_id: 'ada',
    top_k: 50,
    explain: true,
  })
  const summary = body.results.find(({ memory: each }) => each.metadata['kind'] === 'summary')!
  expect(summary.memory.metadata['source_ids']).toEqual(sources.map(({ id }) => id))
  expect(summary.memory.metadata['method']).toBe('extractive')
  expect(summary.memory.content).not.toContain('Bob')
  expect(summary.memory.thread_id).toBe('garden')
  expect(summary.memory.occurred_at).toBe(sources.at(-1)!.occurred_at)
  expect(body.results).toHaveLength(13)
  const source = body.results.find(({ memory: each }) => each.id === sources[0]!.id)!
  expect(source.explanation!.rules.applied).toEqual([{ rule: 'summarised_penalty', amount: -0.5 }])
  expect(source.score).toBeLessThan(summary.score)
  expect((await get(caller, sources[0]!.id)).body).toEqual(sources[0])
  expect((await run(caller)).body.report).toMatchObject({ summaries: 0, summarised: 0 })
  const told = await eventsOf(caller, 'memory.summarised')
  expect(told).toHaveLength(2)
  expect(JSON.stringify(told)).not.toContain('tulips')
})

test('a summary goes when a source is corrected or deleted, and the next run makes another without it', async () => {
  const caller = newCaller()
  await put(caller, { tiers: withLongTerm({ summarise: { min_memories: 5 } }) })
  const sources = await sayInThread(caller, 8)
  await run(caller)
  const summaries = async () => {
    const { body } = await search(memory.app, caller, { subject_id: 'ada', filters: { metadata: { kind: 'summary' } } })
    return body.results.map(({ memory: each }) => each)
  }
  const [first] = await summaries()
  await call(memory.app, caller, 'DELETE', `/v1/memories/${sources[2]!.id}`)
  expect(await summaries()).toEqual([])
  await run(caller)
  const [second] = await summaries()
  expect([second!.id === first!.id, (second!.metadata['source_ids'] as string[]).includes(sources[2]!.id)]).toEqual([
    false,
    false,
  ])
  await call(memory.app, caller, 'PATCH', `/v1/memories/${sources[3]!.id}`, { content: 'That was wrong.' })
  expect(await summaries()).toEqual([])
  await run(caller)
  const [third] = await summaries()
  await call(memory.app, caller, 'DELETE', `/v1/memories/${third!.id}`)
  const [row] = await memory.admin<{ marked: number; memories: number; there: number }[]>`
    select (select count(*)::int from memories where tenant_id = s.tenant_id and summarised_by is not null) as marked,
      s.memories::int, (select count(*)::int from memories where tenant_id = s.tenant_id) as there
    from subjects s where tenant_id = ${caller.tenantId} and subject_id = 'ada'`
  expect(row).toEqual({ marked: 0, memories: 7, there: 7 })
  expect(await eventsOf(caller, 'memory.summary_withdrawn')).toHaveLength(2)
})

test('replaced versions are kept until the policy says otherwise', async () => {
  const caller = newCaller()
  const { body } = await remember(memory.app, caller, { content: 'v1' })
  for (const content of ['v2', 'v3', 'v4'])
    await call(memory.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content })
  await run(caller)
  expect(await history(caller, body.id)).toHaveLength(4)
  await put(caller, { history: { keep_versions: 1 } })
  expect((await run(caller, { dry_run: true })).body.report.versions_dropped).toBe(2)
  expect((await run(caller)).body.report.versions_dropped).toBe(2)
  expect((await history(caller, body.id)).map(({ content }) => content)).toEqual(['v4', 'v3'])
  const [row] = await memory.admin<{ bytes: number; kept: number }[]>`
    select bytes::int, (select sum(octet_length(sealed))::int from (
      select sealed from memories where tenant_id = s.tenant_id
      union all select sealed from memory_versions where tenant_id = s.tenant_id) as every) as kept
    from subjects s where tenant_id = ${caller.tenantId} and subject_id <> ''`
  expect(row!.bytes).toBe(row!.kept)
})

test('a dry run of another policy tells what it would do, and stores and changes nothing', async () => {
  const caller = newCaller()
  await remember(memory.app, caller, { content: 'old', occurred_at: daysAgo(5) })
  const { body } = await put(
    caller,
    { tiers: [{ name: 'short_term', expiry_days: 3, on_expiry: 'delete' }] },
    { dry_run: true },
  )
  expect(body.dry_run).toMatchObject({ deleted: 1, memories: 1, complete: true })
  expect((await call<PolicyBody>(memory.app, caller, 'GET', '/v1/policies')).body.version).toBe(0)
  expect(contents(await search(memory.app, caller, {}))).toEqual(['old'])
})

test('nothing is done with a subject that has withdrawn its consent', async () => {
  const caller = newCaller()
  await remember(memory.app, caller, { content: 'old', subject_id: 'ada', occurred_at: daysAgo(5) })
  await remember(memory.app, caller, { content: 'old', subject_id: 'bob', occurred_at: daysAgo(5) })
  await call(memory.app, caller, 'PUT', '/v1/privacy/subjects/ada/consents', { purpose: 'memory', status: 'withdrawn' })
  const { body } = await run(caller)
  expect(body.report).toMatchObject({ subjects: 2, spared: 1, memories: 1 })
  const rows = await memory.admin<{ subject_id: string; tier: string }[]>`
    select subject_id, tier from memories where tenant_id = ${caller.tenantId} order by subject_id`
  expect(rows.map(({ tier }) => tier)).toEqual(['short_term', 'mid_term'])
})

test('the memory of a handoff is neither cut, summarised, evicted nor deleted', async () => {
  const caller = newCaller()
  const handoff = { subject_id: 'ada', session_id: 's1', with_whom: 'Bob', story: 'word '.repeat(200) }
  const { body } = await call<{ id: string }>(memory.app, caller, 'POST', '/v1/handoffs', handoff)
  const tiers = [{ name: 'long_term', expiry_days: 0.001, on_expiry: 'delete', trim: { max_characters: 20 } }]
  await put(caller, { tiers, default_tier: 'long_term' })
  await memory.admin`update memories set occurred_at = now() - interval '9 days' where tenant_id = ${caller.tenantId}`
  const { body: answer } = await run(caller)
  expect(answer.report).toMatchObject({ deleted: 0, trimmed: 0, spared: 1 })
  expect((await call(memory.app, caller, 'GET', `/v1/handoffs/${body.id}`)).status).toBe(200)
})

test('a search without limits of its own has those of the policy, and a context, too', async () => {
  const caller = newCaller()
  for (let at = 0; at < 6; at++) {
    await remember(memory.app, caller, { content: `tea number ${at}`, subject_id: 'ada', importance: at / 5 })
  }
  const found = async (body: object = {}) =>
    contents(await search(memory.app, caller, { query: 'tea', subject_id: 'ada', ...body }))
  const told = async (body: object = {}) => {
    const asked = { query: 'tea', subject_id: 'ada', format: 'simple', ...body }
    const answer = await call<{ context: { count: number } }>(memory.app, caller, 'POST', '/v1/context', asked)
    return answer.body.context.count
  }
  expect([(await found()).length, await told()]).toEqual([6, 6])
  await put(caller, { retrieval: { top_k: 2 } })
  expect([(await found()).length, await told()]).toEqual([2, 2])
  expect([(await found({ top_k: 4 })).length, await told({ top_k: 4 })]).toEqual([4, 4])
  await put(caller, { retrieval: { min_score: 0.999 } })
  expect([(await found()).length, await told()]).toEqual([0, 0])
  expect((await found({ min_score: 0 })).length).toBe(6)
})

test('a policy that names the scope of administrators for its searches stops nobody else from searching', async () => {
  const { app } = await memory.startAnother({ SEARCH_GLOBAL: 'true' })
  const admin = newCaller()
  const caller = { ...admin, permissions: admin.permissions.filter((permission) => permission !== 'admin:*') }
  await remember(app, admin, { content: 'tea of Ada', subject_id: 'ada' })
  await put(admin, { retrieval: { fallback: ['global'] } })
  const asked = { query: 'tea', subject_id: 'bob' }
  expect((await search(app, caller, asked)).body).toMatchObject({ results: [], scope_used: 'subject' })
  expect((await search(app, admin, asked)).body).toMatchObject({ scope_used: 'global', results: [{}] })
  expect((await search(memory.app, admin, asked)).status).toBe(200)
  expect((await search(app, caller, { ...asked, fallback: ['global'] })).status).toBe(403)
})

test('what scores less than asked for is not found, and the next scope is tried', async () => {
  const caller = newCaller()
  await remember(memory.app, caller, { content: 'tea in the thread', subject_id: 'ada', thread_id: 't', importance: 0 })
  await remember(memory.app, caller, { content: 'tea elsewhere', subject_id: 'ada', importance: 1 })
  const asked = { query: 'tea', subject_id: 'ada', thread_id: 't', fallback: ['subject'] }
  const all = await search(memory.app, caller, { ...asked, scope: 'subject' })
  const [best, other] = all.body.results
  expect(best!.score).toBeGreaterThan(other!.score)
  const min_score = (best!.score + other!.score) / 2
  const above = await search(memory.app, caller, { ...asked, min_score })
  expect([above.body.scope_used, contents(above)]).toEqual(['subject', ['tea elsewhere']])
})

test('memories that a summary stands for can be left out, by the request or by the policy', async () => {
  const caller = newCaller()
  await sayInThread(caller, 12)
  const policy = { tiers: withLongTerm({ summarise: { min_memories: 5 } }) }
  await put(caller, policy)
  await run(caller)
  const found = async (body: object = {}) =>
    (await search(memory.app, caller, { query: 'tulips', subject_id: 'ada', top_k: 50, ...body })).body.results.length
  expect([await found(), await found({ include_summarised: false })]).toEqual([13, 1])
  await put(caller, { ...policy, retrieval: { include_summarised: false } })
  expect([await found(), await found({ include_summarised: true })]).toEqual([1, 13])
})

test('memories are promoted by their score', async () => {
  const caller = newCaller()
  await put(caller, { promotion: [{ from: ['short_term'], to: 'long_term', min_score: 0.7 }] })
  const tell = async (importance: number) =>
    (await remember(memory.app, caller, { content: `weighs ${importance}`, subject_id: 'ada', importance })).body.id
  const [light, heavy] = [await tell(0.1), await tell(1)]
  const { body } = await run(caller)
  expect(body.report.promoted).toBe(1)
  expect([(await get(caller, light)).body.tier, (await get(caller, heavy)).body.tier]).toEqual([
    'short_term',
    'long_term',
  ])
})
