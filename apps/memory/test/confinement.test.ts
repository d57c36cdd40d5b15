import type { Caller } from '@memoric/contracts/caller.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { expect, test } from 'vitest'
import { call, contents, newCaller, remember, search, useMemory, type ProblemBody } from './use-memory.ts'

const memory = useMemory()

const list = async (caller: Caller, query = '') =>
  (await call<{ items: Memory[] }>(memory.app, caller, 'GET', `/v1/memories${query}`)).body.items.map(
    ({ content }) => content,
  )

test('nothing of a tenant can be reached by another, by id or otherwise', async () => {
  const ada = newCaller()
  const eve = newCaller()
  const { body } = await remember(memory.app, ada, { content: 'secret of Ada', subject_id: 'ada' })
  const url = `/v1/memories/${body.id}`
  const attempts = await Promise.all([
    call<ProblemBody>(memory.app, eve, 'GET', url),
    call<ProblemBody>(memory.app, eve, 'GET', `${url}/history`),
    call<ProblemBody>(memory.app, eve, 'PATCH', url, { content: 'mine' }),
    call<ProblemBody>(memory.app, eve, 'DELETE', url),
  ])
  expect(attempts.map(({ status, body: problem }) => [status, problem.code])).toEqual(
    Array.from({ length: 4 }, () => [404, 'memory_not_found']),
  )
  expect(await list(eve)).toEqual([])
  expect(await list(eve, '?subject_id=ada')).toEqual([])
  expect(contents(await search(memory.app, eve, { query: 'secret', subject_id: 'ada' }))).toEqual([])
  expect((await remember(memory.app, eve, { content: 'secret of Ada', subject_id: 'ada' })).body.seq).toBe(1)
  expect(await list(ada)).toEqual(['secret of Ada'])
})

test('a caller that is limited to subjects reaches no other, and writes to its only one by default', async () => {
  const whole = newCaller()
  const limited = newCaller({ tenantId: whole.tenantId, subjects: ['bob'] })
  const { body: adas } = await remember(memory.app, whole, { content: 'of Ada', subject_id: 'ada' })
  const { body: bobs } = await remember(memory.app, limited, { content: 'of Bob' })
  expect(bobs.subject_id).toBe('bob')
  expect(await list(limited)).toEqual(['of Bob'])
  for (const method of ['GET', 'DELETE'] as const) {
    expect((await call(memory.app, limited, method, `/v1/memories/${adas.id}`)).status).toBe(404)
  }
  expect((await call(memory.app, limited, 'PATCH', `/v1/memories/${adas.id}`, { tags: [] })).status).toBe(404)
  const write = await call<ProblemBody>(memory.app, limited, 'POST', '/v1/memories', {
    content: 'x',
    subject_id: 'ada',
  })
  expect([write.status, write.body.code]).toEqual([403, 'subject_not_allowed'])
  const find = await call<ProblemBody>(memory.app, limited, 'POST', '/v1/memories/search', {
    query: 'x',
    subject_id: 'ada',
  })
  expect([find.status, find.body.code]).toEqual([403, 'subject_not_allowed'])
  const batch = await call<{ items: { status: number }[] }>(memory.app, limited, 'POST', '/v1/memories/batch', {
    items: [
      { content: 'y', subject_id: 'bob' },
      { content: 'y', subject_id: 'ada' },
    ],
  })
  expect(batch.body.items.map(({ status }) => status)).toEqual([201, 403])
})

test('a caller that is limited to namespaces neither sees nor ranks by the others', async () => {
  const whole = newCaller()
  const limited = newCaller({ tenantId: whole.tenantId, namespaces: ['work'] })
  const { body: home } = await remember(memory.app, whole, { content: 'tea at home', namespace: 'home' })
  await remember(memory.app, limited, { content: 'tea at work' })
  expect(await list(limited)).toEqual(['tea at work'])
  expect((await call(memory.app, limited, 'GET', `/v1/memories/${home.id}`)).status).toBe(404)
  const found = await search(memory.app, limited, { query: 'tea', explain: true })
  expect(contents(found)).toEqual(['tea at work'])
  expect(found.body.searched).toBe(1)
  expect(found.body.results[0]?.explanation?.relevance.terms[0]?.idf).toBeCloseTo(Math.log(1 + 0.5 / 1.5), 10)
  expect((await search(memory.app, limited, { query: 'tea', namespace: 'home' })).status).toBe(403)
  const write = await call<ProblemBody>(memory.app, limited, 'POST', '/v1/memories', {
    content: 'x',
    namespace: 'home',
  })
  expect([write.status, write.body.code]).toEqual([403, 'namespace_not_allowed'])
})

test('the database itself hides what a scope does not name', async () => {
  const caller = newCaller()
  await remember(memory.app, caller, { content: 'a', subject_id: 'ada' })
  await remember(memory.app, caller, { content: 'b', subject_id: 'bob', namespace: 'n' })
  const count = async (subjects: '*' | string[], namespaces: '*' | string[]) => {
    const scope = { tenantId: caller.tenantId, subjects, namespaces }
    const [rows] = await tenantFlight(memory.deps.sql, scope, (tx) => [tx`select id from memories`])
    return rows.length
  }
  expect(await count('*', '*')).toBe(2)
  expect(await count(['bob'], '*')).toBe(1)
  expect(await count(['bob'], ['default'])).toBe(0)
  expect(await count([], '*')).toBe(0)
  expect(await count(['*'], '*')).toBe(0)
  expect(await count(['"bob",ada'], '*')).toBe(0)
})

test('the permission of the route is asked for', async () => {
  const reader = newCaller({ permissions: ['memories:read'] })
  const attempts = await Promise.all([
    call<ProblemBody>(memory.app, reader, 'POST', '/v1/memories', { content: 'x' }),
    call<ProblemBody>(memory.app, reader, 'POST', '/v1/memories/batch', { items: [{ content: 'x' }] }),
    call<ProblemBody>(memory.app, reader, 'DELETE', '/v1/memories/0198c0de-0000-7000-8000-000000000000'),
  ])
  expect(attempts.map(({ status, body }) => [status, body.code])).toEqual(
    Array.from({ length: 3 }, () => [403, 'permission_denied']),
  )
  expect((await call(memory.app, reader, 'GET', '/v1/memories')).status).toBe(200)
})
