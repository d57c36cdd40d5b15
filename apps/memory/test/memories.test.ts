import { randomUUID } from 'node:crypto'
import type { Memory, MemoryVersion } from '@memoric/contracts/memory-contract.ts'
import { describe, expect, test } from 'vitest'
import { call, newCaller, remember, useMemory, type ProblemBody } from './use-memory.ts'

const memory = useMemory()

describe('creating', () => {
  test('fills in what the caller leaves out', async () => {
    const caller = newCaller()
    const { status, body, headers } = await remember(memory.app, caller, { content: 'Ada drinks tea' })
    expect(status).toBe(201)
    expect(headers['location']).toBe(`/v1/memories/${body.id}`)
    expect(body).toMatchObject({
      tenant_id: caller.tenantId,
      subject_id: 'default',
      namespace: 'default',
      seq: 1,
      version: 1,
      tier: 'short_term',
      importance: 0.5,
      seen_count: 1,
      tags: [],
      metadata: {},
      expires_at: null,
    })
  })

  test('keeps all that the caller gives', async () => {
    const given = {
      content: 'Das Treffen ist am 3. März 🎉',
      subject_id: 'ada@example.org',
      namespace: 'work',
      thread_id: 't1',
      session_id: 's1',
      role: 'user',
      speaker: 'Ada',
      occurred_at: '2026-03-01T10:00:00.000Z',
      importance: 0.123456,
      topic: 'meetings',
      category: 'calendar',
      entities: ['Ada'],
      tags: ['a', 'b'],
      metadata: { nested: { list: [1, null, true, 'x'] } },
      tier: 'long_term',
    }
    const { body } = await remember(memory.app, newCaller(), given)
    expect(body).toMatchObject(given)
  })

  test.each([
    ['low', 0.3],
    ['medium', 0.5],
    ['high', 0.8],
    ['critical', 1],
  ])('reads the importance %s as %d', async (importance, share) => {
    const { body } = await remember(memory.app, newCaller(), { content: 'x', importance })
    expect(body.importance).toBe(share)
  })

  test('the same content in the same thread reinforces, in another thread or subject it does not', async () => {
    const caller = newCaller()
    const first = await remember(memory.app, caller, { content: 'tea', thread_id: 't' })
    const again = await remember(memory.app, caller, { content: 'tea', thread_id: 't' })
    expect([again.status, again.body.id, again.body.seen_count]).toEqual([200, first.body.id, 2])
    const elsewhere = await Promise.all([
      remember(memory.app, caller, { content: 'tea', thread_id: 'u' }),
      remember(memory.app, caller, { content: 'tea' }),
      remember(memory.app, caller, { content: 'tea', thread_id: 't', namespace: 'n' }),
      remember(memory.app, caller, { content: 'tea', thread_id: 't', subject_id: 's' }),
      remember(memory.app, caller, { content: 'tea', thread_id: 't', on_duplicate: 'create' }),
      remember(memory.app, newCaller(), { content: 'tea', thread_id: 't' }),
    ])
    expect(elsewhere.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201, 201])
  })

  test('a hundred writers of one subject get the numbers 1 to 100, each once', async () => {
    const caller = newCaller()
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, at) => remember(memory.app, caller, { content: `number ${at}` })),
    )
    const numbers = answers.map(({ body }) => body.seq).sort((a, b) => a - b)
    expect(numbers).toEqual(Array.from({ length: 100 }, (_, at) => at + 1))
  })

  test('fifty writers of one content make one memory that was seen fifty times', async () => {
    const caller = newCaller()
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => remember(memory.app, caller, { content: 'the same' })),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(Math.max(...answers.map(({ body }) => body.seen_count))).toBe(50)
    const { body } = await call<{ items: Memory[] }>(memory.app, caller, 'GET', '/v1/memories')
    expect(body.items).toHaveLength(1)
  })

  test('a memory that has expired is neither found nor reinforced', async () => {
    const caller = newCaller()
    const { body } = await remember(memory.app, caller, { content: 'brief', ttl_seconds: 1 })
    expect(Date.parse(body.expires_at!) - Date.parse(body.created_at)).toBe(1000)
    await memory.admin`update memories set expires_at = now() - interval '1 second' where id = ${body.id}`
    expect((await call(memory.app, caller, 'GET', `/v1/memories/${body.id}`)).status).toBe(404)
    expect((await remember(memory.app, caller, { content: 'brief' })).status).toBe(201)
  })
})

describe('batches', () => {
  interface Item {
    status: number
    memory?: Memory
    problem?: ProblemBody
  }
  const send = (items: unknown[], caller = newCaller()) =>
    call<{ items: Item[] }>(memory.app, caller, 'POST', '/v1/memories/batch', { items })

  test('answers each item by itself and stores the good ones', async () => {
    const { status, body } = await send([
      { content: 'one', subject_id: 'a' },
      { content: '', subject_id: 'a' },
      'not an object',
      { content: 'one', subject_id: 'a' },
      { content: 'two', subject_id: 'b', unknown: 1 },
      { content: 'three', subject_id: 'b' },
    ])
    expect(status).toBe(200)
    expect(body.items.map((item) => item.status)).toEqual([201, 400, 400, 200, 400, 201])
    expect(body.items[3]?.memory).toMatchObject({ id: body.items[0]?.memory?.id, seen_count: 2 })
    expect(body.items[4]?.problem?.errors).toEqual([{ pointer: '/unknown', message: 'is not a known field' }])
  })

  test('500 items keep their order', async () => {
    const items = Array.from({ length: 500 }, (_, at) => ({ content: `item ${at}` }))
    const { body } = await send(items)
    expect(body.items.map((item) => item.memory?.seq)).toEqual(items.map((_, at) => at + 1))
    expect(body.items.map((item) => item.memory?.content)).toEqual(items.map(({ content }) => content))
  })

  test('501 items, none, and no list are refused', async () => {
    const many = Array.from({ length: 501 }, () => ({ content: 'x' }))
    expect((await send(many)).status).toBe(400)
    expect((await send([])).status).toBe(400)
    expect((await call(memory.app, newCaller(), 'POST', '/v1/memories/batch', { items: 'x' })).status).toBe(400)
  })

  test('batches over the same subjects in other orders do not block each other', async () => {
    const caller = newCaller()
    const subjects = ['a', 'b', 'c', 'd']
    const batches = Array.from({ length: 20 }, (_, batch) => {
      const order = batch % 2 === 0 ? subjects : [...subjects].reverse()
      return send(
        order.map((subject_id) => ({ content: `batch ${batch}`, subject_id })),
        caller,
      )
    })
    const answers = await Promise.all(batches)
    expect(new Set(answers.flatMap(({ body }) => body.items.map(({ status }) => status)))).toEqual(new Set([201]))
    const rows = await memory.admin<{ last_seq: number }[]>`
      select last_seq::int from subjects where tenant_id = ${caller.tenantId}`
    expect(rows.map(({ last_seq }) => last_seq)).toEqual([20, 20, 20, 20])
  })
})

describe('changing', () => {
  test('a change makes a version, and the history keeps those before', async () => {
    const caller = newCaller()
    const { body: made } = await remember(memory.app, caller, { content: 'tea', tags: ['x'], topic: 'drinks' })
    const url = `/v1/memories/${made.id}`
    const { body: changed } = await call(memory.app, caller, 'PATCH', url, { content: 'coffee', topic: null })
    expect(changed).toMatchObject({ version: 2, content: 'coffee', topic: null, tags: ['x'], seq: 1 })
    await call(memory.app, caller, 'PATCH', url, { importance: 'critical', metadata: { a: 1 } })
    const { body } = await call<{ items: MemoryVersion[] }>(memory.app, caller, 'GET', `${url}/history`)
    expect(body.items.map(({ version, content, importance }) => [version, content, importance])).toEqual([
      [3, 'coffee', 1],
      [2, 'coffee', 0.5],
      [1, 'tea', 0.5],
    ])
    expect(body.items[0]?.replaced_at).toBeNull()
    expect(body.items[1]?.replaced_at).toBe(body.items[0]?.written_at)
  })

  test('the history comes in pages', async () => {
    const caller = newCaller()
    const { body: made } = await remember(memory.app, caller, { content: 'version 1' })
    for (const number of [2, 3, 4, 5]) {
      await call(memory.app, caller, 'PATCH', `/v1/memories/${made.id}`, { content: `version ${number}` })
    }
    const historyOf = async (query: string) => {
      const path = `/v1/memories/${made.id}/history?${query}`
      return (await call<{ items: MemoryVersion[]; next_cursor: string | null }>(memory.app, caller, 'GET', path)).body
    }
    const whole = await historyOf('limit=5')
    expect(whole.items.map(({ version }) => version)).toEqual([5, 4, 3, 2, 1])
    expect(whole.next_cursor).toBeNull()
    for (const limit of [1, 2, 4]) {
      const items: MemoryVersion[] = []
      for (let cursor: string | null = ''; cursor !== null;) {
        const page = await historyOf(`limit=${limit}${cursor && `&cursor=${cursor}`}`)
        expect(page.items.length).toBeLessThanOrEqual(limit)
        items.push(...page.items)
        cursor = page.next_cursor
      }
      expect(items).toEqual(whole.items)
    }
  })

  test('If-Match lets only the expected version be changed or deleted', async () => {
    const caller = newCaller()
    const { body } = await remember(memory.app, caller, { content: 'tea' })
    const url = `/v1/memories/${body.id}`
    const patch = (version: string) => call(memory.app, caller, 'PATCH', url, { tags: ['x'] }, { 'if-match': version })
    expect((await patch('"1"')).status).toBe(200)
    expect((await patch('1')).status).toBe(412)
    expect((await patch('one')).status).toBe(400)
    expect((await call(memory.app, caller, 'DELETE', url, undefined, { 'if-match': '"1"' })).status).toBe(412)
    expect((await call(memory.app, caller, 'DELETE', url, undefined, { 'if-match': '"2"' })).status).toBe(204)
  })

  test('of twenty changes that all expect version 1 one wins', async () => {
    const caller = newCaller()
    const { body } = await remember(memory.app, caller, { content: 'tea' })
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        call(memory.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content: `tea ${at}` }, { 'if-match': '1' }),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 19 }, () => 412)])
  })

  test('of fifty changes at once that expect no version all are made, in whatever process', async () => {
    const caller = newCaller()
    const { body } = await remember(memory.app, caller, { content: 'tea' })
    const url = `/v1/memories/${body.id}`
    const other = await memory.startAnother()
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) => {
        const { app } = at % 2 === 0 ? memory : other
        return call(app, caller, 'PATCH', url, { metadata: { [`by_${at}`]: at }, content: `tea ${at}` })
      }),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    const byVersion = answers.toSorted((one, two) => one.body.version - two.body.version)
    expect(byVersion.map(({ body: { version } }) => version)).toEqual(answers.map((_, at) => at + 2))
    const { body: history } = await call<{ items: MemoryVersion[] }>(
      memory.app,
      caller,
      'GET',
      `${url}/history?limit=100`,
    )
    const told = ['tea', ...byVersion.map(({ body: { content } }) => content)]
    expect(history.items.map(({ version }) => version)).toEqual(told.map((_, at) => at + 1).toReversed())
    expect(history.items.map(({ content }) => content)).toEqual(told.toReversed())
  })

  test('a deletion that expects no version is done, however many change the memory meanwhile', async () => {
    const caller = newCaller()
    const { body } = await remember(memory.app, caller, { content: 'tea' })
    const url = `/v1/memories/${body.id}`
    const changes = Array.from({ length: 30 }, (_, at) =>
      call(memory.app, caller, 'PATCH', url, { importance: at / 30 }),
    )
    expect((await call(memory.app, caller, 'DELETE', url)).status).toBe(204)
    for (const { status } of await Promise.all(changes)) expect([200, 404]).toContain(status)
  })

  test('a deleted memory is gone with its history', async () => {
    const caller = newCaller()
    const { body } = await remember(memory.app, caller, { content: 'tea' })
    const url = `/v1/memories/${body.id}`
    await call(memory.app, caller, 'PATCH', url, { content: 'coffee' })
    expect((await call(memory.app, caller, 'DELETE', url)).status).toBe(204)
    for (const path of [url, `${url}/history`]) expect((await call(memory.app, caller, 'GET', path)).status).toBe(404)
    expect((await call(memory.app, caller, 'DELETE', url)).status).toBe(404)
    expect((await call(memory.app, caller, 'PATCH', url, { tags: [] })).status).toBe(404)
    const left = await memory.admin`
      select 1 from memory_versions where memory_id = ${body.id} union all select 1 from memories where id = ${body.id}`
    expect(left).toHaveLength(0)
  })

  test('what is changed to a known content can be reinforced by it', async () => {
    const caller = newCaller()
    const { body } = await remember(memory.app, caller, { content: 'tea' })
    await call(memory.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content: 'coffee' })
    expect((await remember(memory.app, caller, { content: 'coffee' })).body.id).toBe(body.id)
    expect((await remember(memory.app, caller, { content: 'tea' })).status).toBe(201)
  })
})

describe('listing', () => {
  test('pages through all memories, newest first, none twice, while others are written', async () => {
    const caller = newCaller()
    for (let at = 0; at < 25; at++) await remember(memory.app, caller, { content: `m${at}` })
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`
      const page: { items: Memory[]; next_cursor: string | null } = (
        await call<{ items: Memory[]; next_cursor: string | null }>(
          memory.app,
          caller,
          'GET',
          `/v1/memories?limit=10${query}`,
        )
      ).body
      seen.push(...page.items.map(({ content }) => content))
      cursor = page.next_cursor
      await remember(memory.app, caller, { content: `new ${seen.length}` })
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, at) => `m${24 - at}`))
  })

  test('filters by subject, namespace, thread, tier and time', async () => {
    const caller = newCaller()
    const made = [
      { content: 'a', subject_id: 's1', namespace: 'n1', thread_id: 't1', occurred_at: '2026-01-01T00:00:00Z' },
      { content: 'b', subject_id: 's1', namespace: 'n2', tier: 'long_term', occurred_at: '2026-02-01T00:00:00Z' },
      { content: 'c', subject_id: 's2', namespace: 'n1', occurred_at: '2026-03-01T00:00:00Z' },
    ]
    for (const body of made) await remember(memory.app, caller, body)
    const list = async (query: string) => {
      const { body } = await call<{ items: Memory[] }>(memory.app, caller, 'GET', `/v1/memories?${query}`)
      return body.items
        .map(({ content }) => content)
        .sort()
        .join('')
    }
    expect(await list('subject_id=s1')).toBe('ab')
    expect(await list('namespace=n1')).toBe('ac')
    expect(await list('thread_id=t1')).toBe('a')
    expect(await list('tier=long_term')).toBe('b')
    expect(await list('after=2026-02-01T00:00:00Z')).toBe('bc')
    expect(await list('before=2026-02-01T00:00:00Z')).toBe('a')
    expect(await list('after=2026-01-15T00:00:00%2B01:00&before=2026-03-01T00:00:00Z')).toBe('b')
  })

  test.each([
    'cursor=nonsense',
    'cursor=eyJhIjoxfQ',
    'limit=0',
    'limit=201',
    'limit=1e2',
    'limit=-1',
    'tier=X',
    'before=yesterday',
  ])('refuses ?%s', async (query) => {
    const { status } = await call(memory.app, newCaller(), 'GET', `/v1/memories?${query}`)
    expect(status).toBe(400)
  })
})

test('ids that are not UUIDs are 400, unknown ones 404', async () => {
  const caller = newCaller()
  for (const id of ['1', 'x%00', '%27', 'a'.repeat(250), randomUUID().toUpperCase()]) {
    expect((await call(memory.app, caller, 'GET', `/v1/memories/${id}`)).status).toBe(400)
  }
  expect((await call(memory.app, caller, 'GET', `/v1/memories/${randomUUID()}`)).status).toBe(404)
})

test('every change has one event in the outbox, with ids and no content', async () => {
  const caller = newCaller()
  const { body } = await remember(memory.app, caller, { content: 'planted word quokka', subject_id: 'ada' })
  await remember(memory.app, caller, { content: 'planted word quokka', subject_id: 'ada' })
  await call(memory.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content: 'planted word wombat' })
  await call(memory.app, caller, 'DELETE', `/v1/memories/${body.id}`)
  for (const type of ['memory.created', 'memory.reinforced', 'memory.updated', 'memory.deleted']) {
    const own = (await memory.events(type)).filter(({ data }) => data.resource_id === body.id)
    expect(own).toHaveLength(1)
    expect(own[0]).toMatchObject({
      tenantid: caller.tenantId,
      actor: `api_key:${caller.principal.id}`,
      data: { outcome: 'success', request_id: caller.requestId },
    })
    expect(JSON.stringify(own)).not.toMatch(/quokka|wombat|192\.0\.2\.7/)
  }
})

test('every read has an event soon', async () => {
  const caller = newCaller()
  const { body } = await remember(memory.app, caller, { content: 'tea' })
  await call(memory.app, caller, 'GET', `/v1/memories/${body.id}`)
  await call(memory.app, caller, 'GET', '/v1/memories')
  await call(memory.app, caller, 'GET', `/v1/memories/${body.id}/history`)
  await call(memory.app, caller, 'POST', '/v1/memories/search', { query: 'tea' })
  const types = ['memory.read', 'memory.listed', 'memory.history_read', 'memory.searched']
  await expect
    .poll(async () => {
      const own = (await Promise.all(types.map((type) => memory.events(type)))).flat()
      return own.filter(({ tenantid }) => tenantid === caller.tenantId).map(({ type }) => type)
    })
    .toEqual(types)
})
