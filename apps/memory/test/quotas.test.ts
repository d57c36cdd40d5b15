import { randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import type { Quotas } from '@memoric/contracts/quota-contract.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { call, newCaller, remember, useMemory, type Answer, type ProblemBody } from './use-memory.ts'

const memory = useMemory()

type Limits = Partial<Record<'memories' | 'bytes' | 'subject_memories' | 'subject_bytes', number>>

/** A caller whose tenant has quotas of its own. */
async function limited(limits: Limits, more: Partial<Caller> = {}): Promise<Caller> {
  const caller = newCaller(more)
  const { memories = null, bytes = null, subject_memories = null, subject_bytes = null } = limits
  await memory.admin`
    insert into tenant_quotas (tenant_id, memories, bytes, subject_memories, subject_bytes)
    values (${caller.tenantId}, ${memories}, ${bytes}, ${subject_memories}, ${subject_bytes})`
  return caller
}

const write = (caller: Caller, body: object, app = memory.app) =>
  remember(app, caller, body) as Promise<Answer<Memory & ProblemBody>>

const batch = (caller: Caller, items: object[], headers: Record<string, string> = {}) =>
  call<{ items: { status: number; memory?: Memory; problem?: ProblemBody }[] }>(
    memory.app,
    caller,
    'POST',
    '/v1/memories/batch',
    { items },
    headers,
  )

async function quotas(caller: Caller, subject = 'default'): Promise<Quotas> {
  const { status, body } = await call<Quotas>(memory.app, caller, 'GET', `/v1/quotas?subject_id=${subject}`)
  expect(status).toBe(200)
  return body
}

/** What the counters of subjects say, and what their rows say. */
async function countedAndKept(tenantId: string) {
  return memory.admin<{ subject_id: string; memories: number; bytes: number; rows: number; sizes: number }[]>`
    select s.subject_id, s.memories::int, s.bytes::int,
      (select count(*)::int from memories m where m.tenant_id = s.tenant_id and m.subject_id = s.subject_id) as rows,
      (select coalesce(sum(octet_length(sealed)), 0)::int from (
        select sealed from memories m where m.tenant_id = s.tenant_id and m.subject_id = s.subject_id
        union all
        select sealed from memory_versions v where v.tenant_id = s.tenant_id and v.subject_id = s.subject_id
      ) as boxes) as sizes
    from subjects s where tenant_id = ${tenantId} order by subject_id`
}

describe('the memories of a subject', () => {
  test('are as many as its quota, however many write at once', async () => {
    const caller = await limited({ subject_memories: 10 })
    const answers = await Promise.all(Array.from({ length: 60 }, (_, at) => write(caller, { content: `item ${at}` })))
    const made = answers.filter(({ status }) => status === 201)
    expect(made.map(({ body }) => body.seq).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 10 }, (_, at) => at + 1),
    )
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(50)
    expect(refused[0]?.body).toMatchObject({ code: 'quota_exceeded', detail: 'subject.memories' })
    expect((await write(caller, { content: 'elsewhere', subject_id: 'b' })).status).toBe(201)
  })

  test('are as many as its quota in two processes, too', async () => {
    const apps = [memory.app, (await memory.startAnother()).app]
    const caller = await limited({ subject_memories: 20 })
    const answers = await Promise.all(
      Array.from({ length: 80 }, (_, at) => write(caller, { content: `item ${at}` }, apps[at % 2])),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(20)
    expect(await countedAndKept(caller.tenantId)).toMatchObject([{ memories: 20, rows: 20 }])
  })

  test('can be reinforced, changed and deleted when the quota is used up; what goes makes room', async () => {
    const caller = await limited({ subject_memories: 1 })
    const { body } = await write(caller, { content: 'tea' })
    expect((await write(caller, { content: 'tea' })).status).toBe(200)
    expect((await write(caller, { content: 'coffee' })).status).toBe(429)
    const url = `/v1/memories/${body.id}`
    expect((await call(memory.app, caller, 'PATCH', url, { content: 'green tea' })).status).toBe(200)
    expect((await call(memory.app, caller, 'DELETE', url)).status).toBe(204)
    expect((await write(caller, { content: 'coffee' })).status).toBe(201)
  })
})

describe('bytes', () => {
  test('are those at rest, and a change takes more since the version before stays', async () => {
    const caller = await limited({ subject_bytes: 3000 })
    const { body } = await write(caller, { content: 'x'.repeat(1000) })
    const { subject } = await quotas(caller)
    expect(subject.bytes.used).toBeGreaterThan(1000)
    expect(subject.bytes.used).toBeLessThan(1400)
    const url = `/v1/memories/${body.id}`
    expect((await call(memory.app, caller, 'PATCH', url, { content: 'y'.repeat(1000) })).status).toBe(200)
    const refused = await call<ProblemBody>(memory.app, caller, 'PATCH', url, { content: 'z'.repeat(1000) })
    expect([refused.status, refused.body.code, refused.body.detail]).toEqual([429, 'quota_exceeded', 'subject.bytes'])
    expect((await call(memory.app, caller, 'GET', url)).body.version).toBe(2)
    expect((await write(caller, { content: 'a'.repeat(900) })).body.detail).toBe('subject.bytes')
    expect((await write(caller, { content: 'small' })).status).toBe(201)
    await call(memory.app, caller, 'DELETE', url)
    expect((await write(caller, { content: 'a'.repeat(2000) })).status).toBe(201)
    expect(await countedAndKept(caller.tenantId)).toMatchObject([{ memories: 2, rows: 2 }])
  })
})

describe('a tenant', () => {
  test('has a quota over all its subjects', async () => {
    const caller = await limited({ memories: 5 })
    const answers = []
    for (let at = 0; at < 8; at++) answers.push(await write(caller, { content: 'tea', subject_id: `s${at}` }))
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201, 429, 429, 429])
    expect(answers[5]?.body.detail).toBe('tenant.memories')
    expect((await write(caller, { content: 'tea', subject_id: 's0' })).status).toBe(200)
    expect((await write(newCaller(), { content: 'tea' })).status).toBe(201)
  })

  test('has a quota of bytes, for changes too', async () => {
    const caller = await limited({ bytes: 2500 })
    const { body } = await write(caller, { content: 'x'.repeat(1000), subject_id: 'a' })
    expect((await write(caller, { content: 'x'.repeat(2000), subject_id: 'b' })).body.detail).toBe('tenant.bytes')
    const patch = (content: string) =>
      call<ProblemBody>(memory.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content })
    expect((await patch('y'.repeat(1000))).status).toBe(200)
    expect((await patch('z'.repeat(1000))).body.detail).toBe('tenant.bytes')
  })

  test('gets room back a second after another process deleted', async () => {
    const another = await memory.startAnother()
    const caller = await limited({ memories: 2 })
    const { body } = await write(caller, { content: 'one', subject_id: 'a' })
    await write(caller, { content: 'two', subject_id: 'b' })
    expect((await write(caller, { content: 'three', subject_id: 'c' })).status).toBe(429)
    await call(another.app, caller, 'DELETE', `/v1/memories/${body.id}`)
    await expect
      .poll(async () => (await write(caller, { content: 'three', subject_id: 'c' })).status, {
        timeout: 3000,
        interval: 200,
      })
      .toBe(201)
  })

  test('gets a new quota within a second where the old one was used up', async () => {
    const caller = await limited({ memories: 1 })
    await write(caller, { content: 'one' })
    expect((await write(caller, { content: 'two' })).status).toBe(429)
    await memory.admin`update tenant_quotas set memories = 2 where tenant_id = ${caller.tenantId}`
    await expect
      .poll(async () => (await write(caller, { content: 'two' })).status, { timeout: 3000, interval: 200 })
      .toBe(201)
  })
})

describe('a batch', () => {
  test('stores what fits, item by item, and says of the others which quota is in the way', async () => {
    const caller = await limited({ memories: 4, subject_memories: 2, subject_bytes: 2000 })
    const { status, body } = await batch(caller, [
      { content: 'one', subject_id: 'a' },
      { content: 'x'.repeat(3000), subject_id: 'a' },
      { content: 'two', subject_id: 'a' },
      { content: 'three', subject_id: 'a' },
      { content: 'one', subject_id: 'a' },
      { content: '', subject_id: 'b' },
      { content: 'one', subject_id: 'b' },
      { content: 'two', subject_id: 'b' },
      { content: 'one', subject_id: 'c' },
      { content: 'one', subject_id: 'c' },
    ])
    expect(status).toBe(200)
    expect(body.items.map((item) => item.status)).toEqual([201, 429, 201, 429, 200, 400, 201, 201, 429, 429])
    expect(body.items.map((item) => item.problem?.detail ?? item.memory?.seq)).toEqual([
      1,
      'subject.bytes',
      2,
      'subject.memories',
      1,
      undefined,
      1,
      2,
      'tenant.memories',
      'tenant.memories',
    ])
    expect(await countedAndKept(caller.tenantId)).toMatchObject([
      { subject_id: 'a', memories: 2, rows: 2 },
      { subject_id: 'b', memories: 2, rows: 2 },
      { subject_id: 'c', memories: 0, rows: 0 },
    ])
    const events = await memory.events('memory.created')
    expect(events.filter(({ tenantid }) => tenantid === caller.tenantId)).toHaveLength(4)
  })

  test('with an Idempotency-Key is answered the same again, its refusals too, when there is room by then', async () => {
    const caller = await limited({ subject_memories: 2 })
    const items = [{ content: 'one' }, { content: 'two' }, { content: 'three' }]
    const first = await batch(caller, items, { 'idempotency-key': 'k' })
    expect(first.body.items.map(({ status }) => status)).toEqual([201, 201, 429])
    await memory.admin`update tenant_quotas set subject_memories = 10 where tenant_id = ${caller.tenantId}`
    const again = await batch(caller, items, { 'idempotency-key': 'k' })
    expect(again.body).toEqual(first.body)
    expect(again.headers['idempotent-replayed']).toBe('true')
  })

  test('does not take the room of what is written beside it', async () => {
    const caller = await limited({ subject_memories: 100 })
    const items = Array.from({ length: 90 }, (_, at) => ({ content: `batch ${at}` }))
    const [many, singles] = await Promise.all([
      batch(caller, items),
      Promise.all(Array.from({ length: 40 }, (_, at) => write(caller, { content: `single ${at}` }))),
    ])
    const made =
      many.body.items.filter(({ status }) => status === 201).length +
      singles.filter(({ status }) => status === 201).length
    expect(made).toBe(100)
  })
})

test('a request that a quota refused leaves nothing, no record of its key either', async () => {
  const caller = await limited({ subject_memories: 0 })
  const headers = { 'idempotency-key': 'k' }
  const send = () => call<ProblemBody>(memory.app, caller, 'POST', '/v1/memories', { content: 'tea' }, headers)
  expect((await send()).body.code).toBe('quota_exceeded')
  const rows = await memory.admin`
    select 1 from memories where tenant_id = ${caller.tenantId}
    union all select 1 from outbox where tenant_id = ${caller.tenantId}
    union all select 1 from idempotency_keys where tenant_id = ${caller.tenantId}`
  expect(rows).toHaveLength(0)
  await memory.admin`update tenant_quotas set subject_memories = 1 where tenant_id = ${caller.tenantId}`
  await expect.poll(async () => (await send()).status, { timeout: 3000, interval: 200 }).toBe(201)
})

test('GET /v1/quotas tells what is used and allowed, and the tenant only to those who see all of it', async () => {
  const caller = await limited({ memories: 10, subject_bytes: 5000 })
  await write(caller, { content: 'tea', subject_id: 'ada' })
  await write(caller, { content: 'tea', subject_id: 'bob' })
  const { subject, tenant } = await quotas(caller, 'ada')
  expect(subject).toMatchObject({ subject_id: 'ada', memories: { used: 1, limit: 1_000_000 }, bytes: { limit: 5000 } })
  expect(tenant).toMatchObject({ memories: { used: 2, limit: 10 }, bytes: { used: subject.bytes.used * 2 } })
  expect((await quotas(caller, 'nobody')).subject.memories.used).toBe(0)
  const confined = { ...caller, subjects: ['ada'] }
  expect((await quotas(confined, 'ada')).tenant).toBeNull()
  expect((await call(memory.app, confined, 'GET', '/v1/quotas?subject_id=bob')).status).toBe(403)
  expect((await quotas(newCaller(), 'ada')).tenant?.memories.used).toBe(0)
})

test('counters are what the rows say after any writes, changes, deletions and expiries in two processes', async () => {
  const apps = [memory.app, (await memory.startAnother()).app]
  const step = fc.record({
    at: fc.nat(1),
    subject: fc.constantFrom('a', 'b'),
    does: fc.constantFrom('write', 'write', 'batch', 'change', 'delete', 'expire'),
    which: fc.nat(50),
    size: fc.integer({ min: 1, max: 300 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const caller = await limited({ subject_memories: 8, subject_bytes: 6000, memories: 12 })
      const ids: string[] = []
      await Promise.all(
        steps.map(async ({ at, subject, does, which, size }) => {
          const app = apps[at]!
          const content = 'x'.repeat(size)
          const id = ids[which % Math.max(1, ids.length)] ?? randomUUID()
          const url = `/v1/memories/${id}`
          if (does === 'write') {
            const { status, body } = await write(caller, { content, subject_id: subject }, app)
            if (status === 201) ids.push(body.id)
          } else if (does === 'batch') {
            await batch(caller, [
              { content, subject_id: subject },
              { content: `${content} too`, subject_id: 'c' },
            ])
          } else if (does === 'change') await call(app, caller, 'PATCH', url, { content })
          else if (does === 'delete') await call(app, caller, 'DELETE', url)
          else {
            await memory.admin`update memories set expires_at = now() where id = ${id}`
            await memory.deps.expiry.run()
          }
        }),
      )
      for (const { memories, bytes, rows, sizes } of await countedAndKept(caller.tenantId)) {
        expect([memories, bytes]).toEqual([rows, sizes])
        expect(memories).toBeLessThanOrEqual(8)
        expect(bytes).toBeLessThanOrEqual(6000)
      }
      const seqs = await memory.admin<{ last_seq: number; most: number }[]>`
        select last_seq::int, coalesce((select max(seq)::int from memories m
          where m.tenant_id = s.tenant_id and m.subject_id = s.subject_id), 0) as most
        from subjects s where tenant_id = ${caller.tenantId}`
      for (const { last_seq, most } of seqs) expect(most).toBeLessThanOrEqual(last_seq)
    }),
    { numRuns: 15, interruptAfterTimeLimit: 30_000 },
  )
}, 60_000)
