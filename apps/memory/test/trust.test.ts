import { randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { ContextAnswer } from '@memoric/contracts/context-contract.ts'
import type { Memory, MemoryVersion } from '@memoric/contracts/memory-contract.ts'
import { describe, expect, test } from 'vitest'
import { colleague } from './use-edits.ts'
import { handOver } from './use-handoffs.ts'
import { call, contents, newCaller, type ProblemBody, remember, search, useMemory } from './use-memory.ts'

const memory = useMemory()

const asUser = (caller: Caller): Caller => colleague(caller, { principal: { type: 'user', id: randomUUID() } })
const subject_id = 'ada'

async function written(caller: Caller, body: object = {}): Promise<Memory & ProblemBody> {
  const answer = await remember(memory.app, caller, { content: `tea ${randomUUID()}`, subject_id, ...body })
  return answer.body as Memory & ProblemBody
}

const patch = (caller: Caller, id: string, body: object) =>
  call<Memory & ProblemBody>(memory.app, caller, 'PATCH', `/v1/memories/${id}`, body)

describe('where a memory comes from', () => {
  test('is told by the credential: who wrote it, through which key, and how far that is trusted', async () => {
    const key = newCaller()
    const user = asUser(key)
    const keyId = key.principal.id
    expect(await written(key)).toMatchObject({
      provenance: { written_by: `api_key:${keyId}`, key_id: keyId, source: 'agent' },
      trust: 'standard',
      standing: 'current',
      standing_factor: 1,
    })
    expect(await written(user)).toMatchObject({
      provenance: { written_by: `user:${user.principal.id}`, key_id: null, source: 'user' },
      trust: 'trusted',
    })
    const { body } = await call<{ items: { memory: Memory }[] }>(memory.app, user, 'POST', '/v1/memories/batch', {
      items: [
        { content: 'one', subject_id },
        { content: 'two', subject_id, source: 'tool' },
      ],
    })
    expect(body.items.map(({ memory: each }) => [each.provenance.source, each.trust])).toEqual([
      ['user', 'trusted'],
      ['tool', 'untrusted'],
    ])
  })

  test.each([
    ['key', {}, 'standard'],
    ['key', { source: 'user' }, 'standard'],
    ['key', { source: 'tool' }, 'untrusted'],
    ['key', { source: 'import' }, 'standard'],
    ['key', { source: 'tool', trust: 'standard' }, 'standard'],
    ['key', { trust: 'untrusted' }, 'untrusted'],
    ['user', { source: 'agent' }, 'standard'],
    ['user', { source: 'tool', trust: 'trusted' }, 'trusted'],
    ['user', { trust: 'standard' }, 'standard'],
  ])('a %s that says %j makes it %s', async (who, body, trust) => {
    const key = newCaller()
    expect(await written(who === 'key' ? key : asUser(key), body)).toMatchObject({ trust })
  })

  test('nobody gives more trust than their credential has, alone, in a batch, in a handoff or by a change', async () => {
    const key = newCaller()
    const trusting = { content: 'mine', subject_id, trust: 'trusted' }
    const refused = { status: 403, body: { code: 'trust_not_allowed' } }
    expect(await remember(memory.app, key, trusting)).toMatchObject(refused)
    const batch = await call<{ items: { status: number; problem?: ProblemBody }[] }>(
      memory.app,
      key,
      'POST',
      '/v1/memories/batch',
      { items: [trusting, { content: 'fine', subject_id }] },
    )
    expect(batch.body.items.map(({ status, problem }) => [status, problem?.code])).toEqual([
      [403, 'trust_not_allowed'],
      [201, undefined],
    ])
    const session = { subject_id, session_id: 's', with_whom: 'Bob', remember: 'tea' }
    expect(await handOver(memory.app, key, { ...session, trust: 'trusted' })).toMatchObject(refused)
    const { id } = await written(key)
    expect(await patch(key, id, { trust: 'trusted' })).toMatchObject(refused)
    expect((await call(memory.app, key, 'GET', `/v1/memories/${id}`)).body).toMatchObject({
      trust: 'standard',
      version: 1,
    })
    expect(await memory.admin`select from handoffs where tenant_id = ${key.tenantId}`).toHaveLength(0)
  })

  test.each([{ source: 'service' }, { source: 'page' }, { trust: 'high' }, { trust: 2 }, { provenance: {} }])(
    'of %j is refused',
    async (body) => {
      expect((await written(newCaller(), body)).code).toBe('validation_failed')
    },
  )

  test('of a handoff is that of its memory, and changes with a correction', async () => {
    const key = newCaller()
    const session = { subject_id, session_id: 's', with_whom: 'Bob', remember: 'tea' }
    const { body } = await handOver(memory.app, key, { ...session, source: 'tool' })
    const read = async () => (await call(memory.app, key, 'GET', `/v1/memories/${body.id}`)).body
    expect(await read()).toMatchObject({ trust: 'untrusted', provenance: { source: 'tool' } })
    await handOver(memory.app, asUser(key), { ...session, remember: 'coffee' })
    expect(await read()).toMatchObject({ trust: 'trusted', provenance: { source: 'user' } })
  })
})

describe('a change', () => {
  test('of the words makes the changer the writer, and never makes them more trusted unless it says so', async () => {
    const key = newCaller()
    const user = asUser(key)
    const { id } = await written(user)
    const byKey = await patch(key, id, { content: 'changed by a program' })
    expect(byKey.body).toMatchObject({ trust: 'standard', provenance: { written_by: `api_key:${key.principal.id}` } })
    const byUser = await patch(user, id, { tags: ['seen'] })
    expect(byUser.body).toMatchObject({ trust: 'standard', provenance: { written_by: `user:${user.principal.id}` } })
    expect((await patch(user, id, { trust: 'trusted' })).body).toMatchObject({ trust: 'trusted' })
    const history = await call<{ items: MemoryVersion[] }>(memory.app, key, 'GET', `/v1/memories/${id}/history`)
    expect(history.body.items.map(({ version, trust, provenance }) => [version, trust, provenance.source])).toEqual([
      [4, 'trusted', 'user'],
      [3, 'standard', 'user'],
      [2, 'standard', 'agent'],
      [1, 'trusted', 'user'],
    ])
  })

  test('of anything else leaves who wrote it', async () => {
    const key = newCaller()
    const user = asUser(key)
    const { id, provenance } = await written(user)
    const { body } = await patch(key, id, { importance: 'high', tier: 'long_term' })
    expect(body).toMatchObject({ provenance, trust: 'trusted', version: 2 })
  })
})

describe('the same content again', () => {
  test('reinforces what is trusted no less, and is a memory of its own where it is trusted more', async () => {
    const key = newCaller()
    const user = asUser(key)
    const same = { content: 'Ada likes tea', source: 'user' }
    const first = await written(key, { ...same, source: 'tool' })
    const second = await written(key, same)
    expect([second.id === first.id, second.trust]).toEqual([false, 'standard'])
    const third = await written(user, same)
    expect([third.seen_count, third.trust]).toEqual([1, 'trusted'])
    const again = await written(key, { ...same, source: 'tool' })
    expect([again.seen_count, again.id]).toEqual([2, first.id])
    expect((await written(user, same)).seen_count).toBe(2)
  })

  test('many at once, of different trust, in one transaction or several', async () => {
    const key = newCaller()
    const user = colleague(key, { principal: { type: 'user', id: randomUUID() } })
    const say = (caller: Caller) => written(caller, { content: 'Ada likes tea' })
    await Promise.all(Array.from({ length: 40 }, (_, n) => say(n % 2 === 0 ? key : user)))
    const rows = await memory.admin<{ trust: number; times: number }[]>`
      select trust, sum(seen_count)::int as times from memories where tenant_id = ${key.tenantId} group by trust`
    expect(rows.find(({ trust }) => trust === 2)?.times).toBeGreaterThanOrEqual(20)
    expect(rows.reduce((sum, { times }) => sum + times, 0)).toBe(40)
    const of = await memory.admin<{ count: number }[]>`
      select count(*)::int as count from memories where tenant_id = ${key.tenantId} and trust = 2`
    expect(of[0]?.count).toBe(1)
  })
})

describe('what is found', () => {
  test('can be asked to be trusted so far, in a search and in a context, from memory and from storage', async () => {
    const key = newCaller()
    const user = asUser(key)
    await written(user, { content: 'tea of a user' })
    await written(key, { content: 'tea of an agent' })
    await written(key, { content: 'tea of a page', source: 'tool' })
    const found = async (min_trust?: string) =>
      contents(
        await search(memory.app, key, { query: 'tea', subject_id, ...(min_trust && { filters: { min_trust } }) }),
      )
    for (const _ of ['in memory', 'stored']) {
      expect((await found()).length).toBe(3)
      expect((await found('untrusted')).length).toBe(3)
      expect((await found('standard')).toSorted()).toEqual(['tea of a user', 'tea of an agent'])
      expect(await found('trusted')).toEqual(['tea of a user'])
      const place = { tenantId: key.tenantId, subjectId: subject_id }
      await memory.deps.indexes.store(place)
      memory.deps.indexes.forget(place)
    }
    const body = { query: 'tea', subject_id, filters: { min_trust: 'trusted' } }
    const { body: context } = await call<ContextAnswer>(memory.app, key, 'POST', '/v1/context', body)
    expect(context.citations).toHaveLength(1)
    const bad = await search(memory.app, key, { query: 'tea', filters: { min_trust: 'much' } })
    expect(bad.status).toBe(400)
  })

  test('is trusted as far as the policy demands where nothing else is said', async () => {
    const key = newCaller()
    await written(key, { content: 'tea of an agent' })
    await written(key, { content: 'tea of a page', source: 'tool' })
    const put = await call(memory.app, key, 'PUT', '/v1/policies', { policy: { retrieval: { min_trust: 'standard' } } })
    expect(put.status).toBe(200)
    const found = async (filters: object) =>
      contents(await search(memory.app, key, { query: 'tea', subject_id, filters })).length
    expect([await found({}), await found({ min_trust: 'untrusted' }), await found({ min_trust: 'trusted' })]).toEqual([
      1, 2, 0,
    ])
  })
})

test('a summary is trusted no more than the least of what it was made of', async () => {
  const key = newCaller()
  const user = asUser(key)
  const old = { occurred_at: new Date(Date.now() - 2 * 86_400_000).toISOString(), thread_id: 't' }
  for (const content of ['Ada drinks tea.', 'Ada drinks milk.', 'Ada drinks water.'])
    await written(user, { ...old, content })
  await written(key, { ...old, content: 'Ada drinks poison.', source: 'tool' })
  const summarise = { min_memories: 4, older_than_days: 1 }
  const tiers = [{ name: 'short_term', summarise }, { name: 'mid_term' }, { name: 'long_term' }]
  await call(memory.app, key, 'PUT', '/v1/policies', { policy: { tiers } })
  await call(memory.app, key, 'POST', '/v1/policies/run', {})
  const { body } = await call<{ items: Memory[] }>(memory.app, key, 'GET', `/v1/memories?subject_id=${subject_id}`)
  const [summary, ...more] = body.items.filter(({ metadata }) => metadata['kind'] === 'summary')
  expect(more).toEqual([])
  expect(summary).toMatchObject({ trust: 'untrusted', provenance: { source: 'service', key_id: null } })
})

test('memories of before this was kept are of nobody known, and standard', async () => {
  const key = newCaller()
  const { id } = await written(key)
  await memory.admin`update memories set written_by = null, source = null where id = ${id}`
  const { body } = await call(memory.app, key, 'GET', `/v1/memories/${id}`)
  expect(body).toMatchObject({ provenance: { written_by: null, key_id: null, source: null }, trust: 'standard' })
  expect((await patch(key, id, { trust: 'untrusted' })).body).toMatchObject({ trust: 'untrusted' })
})
