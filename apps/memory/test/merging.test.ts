import { randomUUID } from 'node:crypto'
import type { Duplicates } from '@memoric/contracts/merge-contract.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import { expect, test } from 'vitest'
import { decide, edited } from './use-edits.ts'
import { handOver } from './use-handoffs.ts'
import { call, contents, newCaller, type ProblemBody, remember, search, useMemory } from './use-memory.ts'

const memory = useMemory()
type Caller = ReturnType<typeof newCaller>

const merge = (caller: Caller, id: string, sources: string[], app = memory.app) =>
  call<Memory & ProblemBody>(app, caller, 'POST', `/v1/memories/${id}/merge`, { sources })
const duplicates = async (caller: Caller, query = '?subject_id=ada') =>
  (await call<Duplicates>(memory.app, caller, 'GET', `/v1/memories/duplicates${query}`)).body
const get = (caller: Caller, id: string) => call<Memory & ProblemBody>(memory.app, caller, 'GET', `/v1/memories/${id}`)
const eventsOf = async (caller: Caller, type: string) =>
  (await memory.events(type)).filter(({ tenantid }) => tenantid === caller.tenantId)

async function say(caller: Caller, content: string, more: object = {}): Promise<Memory> {
  return (await remember(memory.app, caller, { content, subject_id: 'ada', ...more })).body
}

const SAME = [
  'Ada drinks her green tea without sugar.',
  'Ada drinks her green tea, without sugar!',
  'Without sugar Ada drinks her green tea.',
]

async function three(caller: Caller): Promise<Memory[]> {
  const made: Memory[] = []
  for (const [nth, content] of SAME.entries())
    made.push(await say(caller, content, { tags: [`t${nth}`], importance: 0.3 + nth / 10 }))
  return made
}

test('near duplicates are proposed, within one subject, namespace and thread, and nothing is changed', async () => {
  const caller = newCaller()
  const same = await three(caller)
  await say(caller, 'Ada planted tulips in the garden.')
  await say(caller, SAME[0]!, { thread_id: 'elsewhere' })
  await say(caller, SAME[1]!, { namespace: 'work' })
  await say(caller, SAME[2]!, { subject_id: 'bob' })
  const { items, looked_at } = await duplicates(caller)
  expect(looked_at).toBe(6)
  expect(items).toHaveLength(1)
  expect(items[0]!.memory.id).toBe(same[2]!.id)
  expect(items[0]!.sources.map((source) => source.memory.id).toSorted()).toEqual([same[0]!.id, same[1]!.id].toSorted())
  expect(items[0]!.sources.every(({ similarity }) => similarity > 0.85 && similarity <= 1)).toBe(true)
  for (const each of same) expect((await get(caller, each.id)).body).toEqual(each)
})

test('as many are compared as fit into a mebibyte, so that nobody has to wait for long ones', async () => {
  const caller = newCaller()
  for (let nth = 0; nth < 36; nth++) await say(caller, `${nth} ${'tea and cake '.repeat(2400)}`)
  const { items, looked_at } = await duplicates(caller)
  expect(looked_at).toBe(33)
  expect(items[0]!.sources).toHaveLength(32)
})

test('a merge makes a memory that names its sources, which stay as they are and rank lower', async () => {
  const caller = newCaller()
  const [one, two, three_] = await three(caller)
  const { status, body } = await merge(caller, one!.id, [two!.id, three_!.id])
  expect(status).toBe(201)
  expect(body).toMatchObject({ content: one!.content, importance: 0.5, seen_count: 3, tags: ['t0', 't1', 't2'] })
  expect(body.metadata).toMatchObject({ kind: 'merged', source_ids: [one!.id, two!.id, three_!.id] })
  for (const each of [one!, two!, three_!]) expect((await get(caller, each.id)).body).toEqual(each)
  await expect
    .poll(
      async () =>
        (await search(memory.app, caller, { subject_id: 'ada', query: 'green tea sugar' })).body.results[0]!.memory.id,
    )
    .toBe(body.id)
  const found = await search(memory.app, caller, { subject_id: 'ada', query: 'green tea sugar' })
  expect(found.body.results).toHaveLength(4)
  expect(found.body.results[0]!.score).toBeGreaterThan(found.body.results[1]!.score + 0.05)
  expect((await duplicates(caller)).items).toEqual([])
  const [told] = await eventsOf(caller, 'memory.merged')
  expect(told!.data.details).toMatchObject({ memory_ids: [one!.id, two!.id, three_!.id] })
  expect(JSON.stringify(told)).not.toContain('tea')
})

test('deleting the merged memory takes the merge back', async () => {
  const caller = newCaller()
  const [one, two] = await three(caller)
  const { body } = await merge(caller, one!.id, [two!.id])
  expect((await call(memory.app, caller, 'DELETE', `/v1/memories/${body.id}`)).status).toBe(204)
  expect((await duplicates(caller)).items[0]!.sources).toHaveLength(2)
  expect((await merge(caller, one!.id, [two!.id])).status).toBe(201)
})

test('a source that is corrected or deleted takes the merged memory with it, and the others stand for themselves', async () => {
  const caller = newCaller()
  const [one, two, last] = await three(caller)
  const { body: first } = await merge(caller, one!.id, [two!.id, last!.id])
  await call(memory.app, caller, 'PATCH', `/v1/memories/${two!.id}`, { content: 'Ada drinks coffee.' })
  expect((await get(caller, first.id)).body.code).toBe('memory_not_found')
  const { body: second } = await merge(caller, one!.id, [last!.id])
  await call(memory.app, caller, 'DELETE', `/v1/memories/${last!.id}`)
  expect((await get(caller, second.id)).status).toBe(404)
  expect((await get(caller, one!.id)).status).toBe(200)
  const found = await search(memory.app, caller, { subject_id: 'ada', query: 'Ada drinks' })
  expect(contents(found).toSorted()).toEqual([SAME[0]!, 'Ada drinks coffee.'].toSorted())
})

test('what was merged again goes with the sources of its sources', async () => {
  const caller = newCaller()
  const [one, two] = await three(caller)
  const garden = await say(caller, 'Ada planted tulips in the garden.')
  const { body: first } = await merge(caller, one!.id, [two!.id])
  // Without what tells that it was merged, it can be merged like any other.
  await call(memory.app, caller, 'PATCH', `/v1/memories/${first.id}`, { metadata: {} })
  const { body: second } = await merge(caller, first.id, [garden.id])
  expect(second.content).toBe(one!.content)
  await call(memory.app, caller, 'DELETE', `/v1/memories/${one!.id}`)
  expect((await get(caller, second.id)).body.code).toBe('memory_not_found')
  const found = await search(memory.app, caller, { subject_id: 'ada', query: 'Ada', top_k: 10 })
  expect(contents(found).toSorted()).toEqual([two!.content, SAME[2]!, garden.content].toSorted())
})

test('a merge does not lift what an edit has lowered', async () => {
  const caller = newCaller()
  const [one, two, last] = await three(caller)
  const edit = await edited(memory, caller, one!.id, { operation: 'attenuate', factor: 0.1 })
  expect((await merge(caller, one!.id, [two!.id])).body.code).toBe('rule_violated')
  expect((await merge(caller, two!.id, [one!.id])).body.code).toBe('rule_violated')
  const [proposed] = (await duplicates(caller)).items
  expect([proposed!.memory.id, ...proposed!.sources.map((source) => source.memory.id)]).toEqual([last!.id, two!.id])
  await decide(memory, caller, edit.id, 'undo')
  expect((await merge(caller, one!.id, [two!.id])).status).toBe(201)
})

test('of merges made at once one is made', async () => {
  const another = await memory.startAnother()
  const caller = newCaller()
  const [one, two, last] = await three(caller)
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, nth) =>
      merge(caller, [one, two][nth % 2]!.id, [last!.id], [memory, another][nth % 2]!.app),
    ),
  )
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
  expect(new Set(answers.filter(({ status }) => status !== 201).map(({ status }) => status))).toEqual(new Set([422]))
})

test('memories of other subjects, namespaces, tenants, records and merges are refused, and nothing changes', async () => {
  const caller = newCaller()
  const [one, two] = await three(caller)
  const bob = await say(caller, SAME[0]!, { subject_id: 'bob' })
  const work = await say(caller, SAME[0]!, { namespace: 'work' })
  const stranger = await say(newCaller(), SAME[0]!)
  const { body: handoff } = await handOver(memory.app, caller, {
    subject_id: 'ada',
    session_id: 's',
    with_whom: 'Ana',
    learned: 'x',
  })
  const refused = async (sources: string[], code: string, id = one!.id) => {
    const { status, body } = await merge(caller, id, sources)
    expect([status < 500, body.code]).toEqual([true, code])
  }
  await refused([bob.id], 'rule_violated')
  await refused([work.id], 'rule_violated')
  await refused([stranger.id], 'memory_not_found')
  await refused([randomUUID()], 'memory_not_found')
  await refused([handoff.id], 'memory_of_record')
  await refused([two!.id], 'memory_of_record', handoff.id)
  await refused([one!.id], 'rule_violated')
  await refused([two!.id, two!.id], 'validation_failed')
  await refused([], 'validation_failed')
  const { body: merged } = await merge(caller, one!.id, [two!.id])
  await refused([two!.id], 'rule_violated', merged.id)
  expect(await eventsOf(caller, 'memory.merged')).toHaveLength(1)
  const limited = newCaller({ tenantId: caller.tenantId, subjects: ['bob'] })
  expect((await merge(limited, one!.id, [two!.id])).body.code).toBe('memory_not_found')
  const hidden = await call<ProblemBody>(memory.app, limited, 'GET', '/v1/memories/duplicates?subject_id=ada')
  expect(hidden.body.code).toBe('subject_not_allowed')
})
