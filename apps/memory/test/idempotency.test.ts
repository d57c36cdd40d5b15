import { randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { Memory, MemoryVersion } from '@memoric/contracts/memory-contract.ts'
import type { FastifyInstance } from 'fastify'
import { describe, expect, test } from 'vitest'
import { useLogEnd } from './answer-erasures.ts'
import { call, newCaller, remember, useMemory, type Answer, type ProblemBody } from './use-memory.ts'

const memory = useMemory()
useLogEnd(memory.nats)

interface Item {
  status: number
  memory?: Memory
  problem?: ProblemBody
}

const send = (
  caller: Caller,
  key: string,
  body: object,
  app: FastifyInstance = memory.app,
): Promise<Answer<Memory & ProblemBody>> =>
  call<Memory & ProblemBody>(app, caller, 'POST', '/v1/memories', body, { 'idempotency-key': key })

const sendBatch = (caller: Caller, key: string, items: unknown[], app = memory.app) =>
  call<{ items: Item[] } & ProblemBody>(
    app,
    caller,
    'POST',
    '/v1/memories/batch',
    { items },
    { 'idempotency-key': key },
  )

const erase = (caller: Caller, subject: string) => call(memory.app, caller, 'DELETE', `/v1/privacy/subjects/${subject}`)

async function stored(caller: Caller): Promise<{ memories: number; events: number; records: number }> {
  const [row] = await memory.admin<{ memories: number; events: number; records: number }[]>`
    select (select count(*)::int from memories where tenant_id = ${caller.tenantId}) as memories,
      (select count(*)::int from outbox where tenant_id = ${caller.tenantId}) as events,
      (select count(*)::int from idempotency_keys where tenant_id = ${caller.tenantId}) as records`
  return row!
}

describe('the same key with the same request', () => {
  test('is answered the same and does nothing more', async () => {
    const caller = newCaller()
    const body = { content: 'Ada drinks tea', metadata: { a: [1, null] }, ttl_seconds: 3600, on_duplicate: 'create' }
    const first = await send(caller, 'k', body)
    expect([first.status, first.headers['idempotent-replayed']]).toEqual([201, undefined])
    const again = await send(caller, 'k', body)
    expect([again.status, again.headers['idempotent-replayed']]).toEqual([201, 'true'])
    expect(again.body).toEqual(first.body)
    expect(again.headers['location']).toBe(first.headers['location'])
    expect(await stored(caller)).toEqual({ memories: 1, events: 1, records: 1 })
  })

  test('is the same whatever the order of its fields', async () => {
    const caller = newCaller()
    await send(caller, 'k', { content: 'tea', tags: ['x'] })
    expect((await send(caller, 'k', { tags: ['x'], content: 'tea' })).status).toBe(201)
    await sendBatch(caller, 'k', [{ content: 'one', tags: ['x'] }])
    expect((await sendBatch(caller, 'k', [{ tags: ['x'], content: 'one' }])).body.items[0]?.status).toBe(201)
  })

  test('is answered 200 again where it reinforced, with the number of times as it was then', async () => {
    const caller = newCaller()
    await remember(memory.app, caller, { content: 'tea' })
    const first = await send(caller, 'k', { content: 'tea' })
    await remember(memory.app, caller, { content: 'tea' })
    const again = await send(caller, 'k', { content: 'tea' })
    expect([first.status, first.body.seen_count]).toEqual([200, 2])
    expect([again.status, again.body]).toEqual([200, first.body])
  })

  test('is answered with the version that it wrote, whatever became of it', async () => {
    const caller = newCaller()
    const first = await send(caller, 'k', { content: 'tea', tags: ['x'] })
    const url = `/v1/memories/${first.body.id}`
    for (const content of ['coffee', 'water'])
      await call(memory.app, caller, 'PATCH', url, { content, ttl_seconds: 60 })
    expect((await send(caller, 'k', { content: 'tea', tags: ['x'] })).body).toEqual(first.body)
    const { body } = await call<{ items: MemoryVersion[] }>(memory.app, caller, 'GET', `${url}/history`)
    expect(body.items).toHaveLength(3)
  })

  test('is answered 410 when the memory was deleted or has expired since, and makes none', async () => {
    const caller = newCaller()
    const deleted = await send(caller, 'deleted', { content: 'tea' })
    await call(memory.app, caller, 'DELETE', `/v1/memories/${deleted.body.id}`)
    const expired = await send(caller, 'expired', { content: 'coffee', ttl_seconds: 60 })
    await memory.admin`update memories set expires_at = now() - interval '1 second' where id = ${expired.body.id}`
    for (const [key, content, rest] of [
      ['deleted', 'tea', {}],
      ['expired', 'coffee', { ttl_seconds: 60 }],
    ] as const) {
      const again = await send(caller, key, { content, ...rest })
      expect([again.status, again.body.code]).toEqual([410, 'memory_gone'])
      expect(again.headers['idempotent-replayed']).toBe('true')
    }
    await memory.deps.expiry.run()
    expect((await send(caller, 'expired', { content: 'coffee', ttl_seconds: 60 })).status).toBe(410)
    expect((await stored(caller)).memories).toBe(0)
  })

  test('is known to another process, and after a restart', async () => {
    const caller = newCaller()
    const first = await send(caller, 'k', { content: 'tea' })
    const another = await memory.startAnother()
    const again = await send(caller, 'k', { content: 'tea' }, another.app)
    expect([again.status, again.body]).toEqual([201, first.body])
  })

  test('is known after the key of the tenant and that of the subject were replaced', async () => {
    const caller = newCaller()
    const first = await send(caller, 'k', { content: 'tea', subject_id: 'ada' })
    for (const body of [{}, { subject_id: 'ada' }]) {
      expect((await call(memory.app, caller, 'POST', '/v1/keys/rotations', body)).status).toBe(202)
      await expect
        .poll(
          () => memory.admin`select 1 from key_rotations where tenant_id = ${caller.tenantId} and state = 'running'`,
        )
        .toHaveLength(0)
    }
    expect((await send(caller, 'k', { content: 'tea', subject_id: 'ada' })).body).toEqual(first.body)
  })

  test('two hundred times at once makes one memory and one event', async () => {
    const caller = newCaller()
    const body = { content: 'tea', on_duplicate: 'create' }
    const answers = await Promise.all(Array.from({ length: 200 }, () => send(caller, 'k', body)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
    expect(new Set(answers.map((answer) => JSON.stringify(answer.body)))).toHaveLength(1)
    expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === undefined)).toHaveLength(1)
    expect(await stored(caller)).toEqual({ memories: 1, events: 1, records: 1 })
  })

  test('in two processes at once, among other writes of the same caller, makes one memory and one event', async () => {
    const apps = [memory.app, (await memory.startAnother()).app]
    for (let round = 0; round < 3; round++) {
      const caller = newCaller()
      const body = { content: 'tea', on_duplicate: 'create' }
      const keys = ['a', 'b', 'c', 'd']
      const [answers] = await Promise.all([
        Promise.all(Array.from({ length: 80 }, (_, at) => send(caller, keys[(at >> 1) % 4]!, body, apps[at % 2]))),
        Promise.all(Array.from({ length: 40 }, (_, at) => remember(apps[at % 2]!, caller, { content: `other ${at}` }))),
      ])
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
      expect(new Set(answers.map((answer) => answer.body.id))).toHaveLength(4)
      expect(await stored(caller)).toEqual({ memories: 44, events: 44, records: 4 })
    }
  })
})

describe('the same key with another request', () => {
  test('is refused, and nothing is written', async () => {
    const caller = newCaller()
    await send(caller, 'k', { content: 'tea' })
    for (const body of [
      { content: 'coffee' },
      { content: 'tea', tags: ['x'] },
      { content: 'tea', subject_id: 'ada' },
    ]) {
      const answer = await send(caller, 'k', body)
      expect([answer.status, answer.body.code]).toEqual([422, 'idempotency_key_reused'])
    }
    expect((await stored(caller)).memories).toBe(1)
  })

  test('at once: one is done, and its repeats; all others are refused', async () => {
    const caller = newCaller()
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) => send(caller, 'k', { content: `drink ${at % 5}` })),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10)
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(40)
    expect((await stored(caller)).memories).toBe(1)
  })

  test('is another one for another route, principal and tenant', async () => {
    const caller = newCaller()
    const colleague = { ...caller, principal: { type: 'api_key' as const, id: randomUUID() } }
    await send(caller, 'k', { content: 'tea' })
    expect((await send(colleague, 'k', { content: 'coffee' })).status).toBe(201)
    expect((await send(newCaller(), 'k', { content: 'coffee' })).status).toBe(201)
    expect((await sendBatch(caller, 'k', [{ content: 'water' }])).status).toBe(200)
  })
})

describe('a batch with a key', () => {
  const items = [
    { content: 'one' },
    { content: 'one' },
    { content: '' },
    'nothing',
    { content: 'two', subject_id: 'b' },
  ]

  test('is answered again item by item, the bad ones too', async () => {
    const caller = newCaller()
    const first = await sendBatch(caller, 'k', items)
    expect(first.body.items.map(({ status }) => status)).toEqual([201, 200, 400, 400, 201])
    const again = await sendBatch(caller, 'k', items)
    expect([again.status, again.headers['idempotent-replayed']]).toEqual([200, 'true'])
    expect(again.body).toEqual(first.body)
    expect(await stored(caller)).toEqual({ memories: 2, events: 3, records: 1 })
  })

  test('says 410 for an item whose memory is gone', async () => {
    const caller = newCaller()
    const first = await sendBatch(caller, 'k', items)
    await call(memory.app, caller, 'DELETE', `/v1/memories/${first.body.items[0]!.memory!.id}`)
    const again = await sendBatch(caller, 'k', items)
    expect(again.body.items.map(({ status }) => status)).toEqual([410, 410, 400, 400, 201])
    expect((await stored(caller)).memories).toBe(1)
  })

  test('of 500 items is answered again, and so are twenty of them at once', async () => {
    const caller = newCaller()
    const many = Array.from({ length: 500 }, (_, at) => ({ content: `item ${at}`, on_duplicate: 'create' }))
    const answers = await Promise.all(Array.from({ length: 20 }, () => sendBatch(caller, 'k', many)))
    expect(new Set(answers.map(({ body }) => JSON.stringify(body)))).toHaveLength(1)
    expect(await stored(caller)).toEqual({ memories: 500, events: 500, records: 1 })
  })

  test('about several subjects is forgotten with any one of them, those of its bad items too', async () => {
    const caller = newCaller()
    const about = (...subjects: string[]) => subjects.map((subject_id) => ({ content: 'tea', subject_id }))
    await sendBatch(caller, 'two', about('ada', 'ben'))
    await sendBatch(caller, 'others', about('ben', 'cleo'))
    await sendBatch(caller, 'bad', [...about('ben'), { content: '', subject_id: 'ada' }])
    await sendBatch(caller, 'one', about('ada', 'ada'))
    await send(caller, 'alone', { content: 'x', subject_id: 'ben' })
    await erase(caller, 'ada')
    const left = () => memory.admin<{ subject_id: string | null; subject_ids: string[] | null }[]>`
      select subject_id, subject_ids from idempotency_keys where tenant_id = ${caller.tenantId} order by subject_id`
    await expect.poll(left).toEqual([
      { subject_id: 'ben', subject_ids: null },
      { subject_id: null, subject_ids: ['ben', 'cleo'] },
    ])
    await erase(caller, 'cleo')
    await expect.poll(left).toEqual([{ subject_id: 'ben', subject_ids: null }])
  })

  test('in which some items do not fit into a quota is forgotten with their subject, too', async () => {
    const caller = newCaller()
    await memory.admin`
      insert into tenant_quotas (tenant_id, subject_memories) values (${caller.tenantId}, 1)`
    const { body } = await sendBatch(caller, 'k', [
      { content: 'one', subject_id: 'ada' },
      { content: 'two', subject_id: 'ben' },
      { content: 'three', subject_id: 'ben' },
    ])
    expect(body.items.map(({ status }) => status)).toEqual([201, 201, 429])
    await erase(caller, 'ben')
    await expect
      .poll(() => memory.admin`select 1 from idempotency_keys where tenant_id = ${caller.tenantId}`)
      .toEqual([])
  })

  test('in which nothing is good leaves no record', async () => {
    const caller = newCaller()
    expect((await sendBatch(caller, 'k', ['x'])).body.items[0]?.status).toBe(400)
    expect((await sendBatch(caller, 'k', [{ content: 'tea' }])).body.items[0]?.status).toBe(201)
  })
})

describe('a key', () => {
  test('is the same in quotes and without', async () => {
    const caller = newCaller()
    const first = await send(caller, 'a "b"'.replaceAll('"', ''), { content: 'tea' })
    expect((await send(caller, '"a b"', { content: 'tea' })).body).toEqual(first.body)
    const quoted = await send(caller, String.raw`"a\"b\\"`, { content: 'tea' })
    expect([quoted.status, quoted.body.id]).toEqual([200, first.body.id])
  })

  test.each([`"${'x'.repeat(255)}"`, 'x'.repeat(255), 'a/b c=d;e', '"a, b"'])('may be %s', async (key) => {
    expect((await send(newCaller(), key, { content: 'tea' })).status).toBe(201)
  })

  test.each(['', '""', '"', '"a', 'a, b', '"a", "b"', 'x'.repeat(256), `"${'x'.repeat(256)}"`, 'ü', 'a\tb', '"\\a"'])(
    'may not be %j',
    async (key) => {
      const caller = newCaller()
      const { status, body } = await send(caller, key, { content: 'tea' })
      expect([status, body.errors?.[0]?.pointer]).toEqual([400, 'header/idempotency-key'])
      expect((await stored(caller)).memories).toBe(0)
    },
  )

  test('is forgotten after 24 hours: at once where it comes again, else by the clean-up', async () => {
    const caller = newCaller()
    const first = await send(caller, 'k', { content: 'tea', on_duplicate: 'create' })
    await send(caller, 'other', { content: 'coffee' })
    const age = () => memory.admin`
      update idempotency_keys set expires_at = expires_at - interval '24 hours' where tenant_id = ${caller.tenantId}`
    await memory.admin`
      update idempotency_keys set expires_at = expires_at - interval '23 hours 59 minutes' where tenant_id = ${caller.tenantId}`
    expect((await send(caller, 'k', { content: 'tea', on_duplicate: 'create' })).body).toEqual(first.body)
    await age()
    const anew = await send(caller, 'k', { content: 'tea', on_duplicate: 'create' })
    expect([anew.status, anew.body.seq]).toEqual([201, 3])
    await age()
    await memory.deps.expiry.run()
    expect((await stored(caller)).records).toBe(0)
  })

  test('of a request that was refused can be used again', async () => {
    const caller = newCaller({ subjects: ['ada'] })
    expect((await send(caller, 'k', { content: 'tea', subject_id: 'bob' })).status).toBe(403)
    expect((await send(caller, 'k', { content: '' })).status).toBe(400)
    expect((await send(caller, 'k', { content: 'tea' })).status).toBe(201)
  })

  test('of a caller who may see less by now shows nothing of what it wrote', async () => {
    const caller = newCaller()
    await send(caller, 'k', { content: 'tea' })
    const limited = await send({ ...caller, subjects: ['ada'] }, 'k', { content: 'tea' })
    expect([limited.status, limited.body.code]).toEqual([410, 'memory_gone'])
  })
})

test('the record of a request holds neither the key nor anything that it wrote', async () => {
  const caller = newCaller()
  await send(caller, 'order-of-quokka', { content: 'wombat', tags: ['bilby'], metadata: { dugong: 1 } })
  const rows = await memory.admin`select * from idempotency_keys where tenant_id = ${caller.tenantId}`
  expect(rows).toHaveLength(1)
  expect(JSON.stringify(rows)).not.toMatch(/quokka|wombat|bilby|dugong/)
})

test('equal requests of two tenants leave different hashes', async () => {
  const [one, two] = [newCaller(), newCaller()]
  for (const caller of [one, two]) await send(caller, 'k', { content: 'tea' })
  const rows = await memory.admin<{ key_hash: Buffer; request_hash: Buffer }[]>`
    select key_hash, request_hash from idempotency_keys where tenant_id in (${one.tenantId}, ${two.tenantId})`
  expect(rows[0]!.key_hash.equals(rows[1]!.key_hash)).toBe(false)
  expect(rows[0]!.request_hash.equals(rows[1]!.request_hash)).toBe(false)
})
