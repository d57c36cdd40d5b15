import type { Memory, MemoryVersion } from '@memoric/contracts/memory-contract.ts'
import { expect, test } from 'vitest'
import { placeOf, rememberMany, storedRows } from './stored-segments.ts'
import { call, contents, newCaller, remember, search, useMemory } from './use-memory.ts'

const memory = useMemory()

/** Lets the time of memories be over, as far as the database is concerned. */
async function end(ids: readonly string[]): Promise<void> {
  await memory.admin`update memories set expires_at = now() - interval '1 second' where id in ${memory.admin([...ids])}`
}

async function expiredEvents(tenantId: string): Promise<(string | null)[]> {
  const events = await memory.events('memory.expired')
  return events.filter(({ tenantid }) => tenantid === tenantId).map(({ data }) => data.resource_id)
}

async function rowsOf(tenantId: string): Promise<number> {
  const [row] = await memory.admin<{ count: number }[]>`
    select (select count(*) from memories where tenant_id = ${tenantId})::int
      + (select count(*) from memory_versions where tenant_id = ${tenantId})::int as count`
  return row!.count
}

test('what has expired is on no path: not read, listed, found, changed, reinforced or deleted, before any job ran', async () => {
  const caller = newCaller()
  const { body } = await remember(memory.app, caller, { content: 'brief quokka', subject_id: 'ada', ttl_seconds: 3600 })
  await rememberMany(memory.app, caller, 150)
  await memory.deps.indexes.store(placeOf(caller))
  expect(await storedRows(memory, placeOf(caller))).toHaveLength(1)
  const find = async (app = memory.app) => contents(await search(app, caller, { query: 'quokka', subject_id: 'ada' }))
  expect(await find()).toEqual(['brief quokka'])
  await end([body.id])
  const another = await memory.startAnother()
  for (const app of [memory.app, another.app]) {
    const url = `/v1/memories/${body.id}`
    expect(await find(app)).toEqual([])
    for (const path of [url, `${url}/history`]) expect((await call(app, caller, 'GET', path)).status).toBe(404)
    expect((await call(app, caller, 'PATCH', url, { ttl_seconds: null })).status).toBe(404)
    expect((await call(app, caller, 'DELETE', url)).status).toBe(404)
    const page = await call<{ items: Memory[] }>(app, caller, 'GET', '/v1/memories?subject_id=ada&limit=200')
    expect(page.body.items).toHaveLength(150)
  }
  const anew = await remember(memory.app, caller, { content: 'brief quokka', subject_id: 'ada' })
  expect([anew.status, anew.body.seq]).toEqual([201, 152])
})

test('a change that comes when the time is over changes nothing', async () => {
  const caller = newCaller()
  const { body } = await remember(memory.app, caller, { content: 'brief', ttl_seconds: 1 })
  await expect
    .poll(async () => (await call(memory.app, caller, 'GET', `/v1/memories/${body.id}`)).status, { timeout: 5000 })
    .toBe(404)
  expect((await call(memory.app, caller, 'PATCH', `/v1/memories/${body.id}`, { content: 'x' })).status).toBe(404)
})

test('a change may set, move and clear the time', async () => {
  const caller = newCaller()
  const { body } = await remember(memory.app, caller, { content: 'tea' })
  const url = `/v1/memories/${body.id}`
  const expiryAfter = async (ttl_seconds: number | null) => {
    const { body: changed } = await call(memory.app, caller, 'PATCH', url, { ttl_seconds })
    return changed.expires_at === null ? null : Math.round((Date.parse(changed.expires_at) - Date.now()) / 1000)
  }
  expect(await expiryAfter(60)).toBe(60)
  expect(await expiryAfter(600)).toBe(600)
  expect(await expiryAfter(null)).toBeNull()
  for (const ttl_seconds of [0, -1, 1.5, 1e9, '60']) {
    expect((await call(memory.app, caller, 'PATCH', url, { ttl_seconds })).status).toBe(400)
  }
  const { body: history } = await call<{ items: MemoryVersion[] }>(memory.app, caller, 'GET', `${url}/history`)
  expect(history.items).toHaveLength(4)
})

test('the job removes it with its history and from the segments, tells of it, and gives its room back', async () => {
  const caller = newCaller()
  const made = await remember(memory.app, caller, { content: 'brief quokka', subject_id: 'ada' })
  await call(memory.app, caller, 'PATCH', `/v1/memories/${made.body.id}`, { content: 'brief wombat' })
  await rememberMany(memory.app, caller, 150)
  await memory.deps.indexes.store(placeOf(caller))
  const inSegments = () => memory.admin<{ memories: number }[]>`
    select memories from search_segments where tenant_id = ${caller.tenantId}`
  expect(await inSegments()).toEqual([{ memories: 151 }])
  await end([made.body.id])
  expect(await memory.deps.expiry.run()).toBeGreaterThanOrEqual(1)
  expect(await rowsOf(caller.tenantId)).toBe(150)
  expect(await expiredEvents(caller.tenantId)).toEqual([made.body.id])
  const [event] = (await memory.events('memory.expired')).filter(({ tenantid }) => tenantid === caller.tenantId)
  expect(event).toMatchObject({
    actor: 'service:memory',
    data: { status_code: null, details: { subject_id: 'ada', version: 2 } },
  })
  expect(await inSegments()).toEqual([{ memories: 150 }])
  const [counters] = await memory.admin<{ memories: number; bytes: number; kept: number }[]>`
    select s.memories::int, s.bytes::int, (select sum(octet_length(sealed))::int from memories m
      where m.tenant_id = s.tenant_id) as kept
    from subjects s where tenant_id = ${caller.tenantId}`
  expect(counters).toEqual({ memories: 150, bytes: counters!.kept, kept: counters!.kept })
  expect(contents(await search(memory.app, caller, { query: 'wombat', subject_id: 'ada' }))).toEqual([])
})

test('what gets more time before the job comes stays', async () => {
  const caller = newCaller()
  const { body } = await remember(memory.app, caller, { content: 'tea', ttl_seconds: 60 })
  await call(memory.app, caller, 'PATCH', `/v1/memories/${body.id}`, { ttl_seconds: null })
  await memory.deps.expiry.run()
  expect((await call(memory.app, caller, 'GET', `/v1/memories/${body.id}`)).status).toBe(200)
})

test('three processes remove each memory once, while others write to the same subjects', async () => {
  const processes = [memory, await memory.startAnother(), await memory.startAnother()]
  const caller = newCaller()
  const items = Array.from({ length: 500 }, (_, at) => ({ content: `item ${at}`, subject_id: `s${at % 7}` }))
  const { body } = await call<{ items: { memory: Memory }[] }>(memory.app, caller, 'POST', '/v1/memories/batch', {
    items,
  })
  const ids = body.items.map((item) => item.memory.id)
  await end(ids)
  const [removed] = await Promise.all([
    Promise.all(processes.map(({ deps }) => deps.expiry.run())),
    Promise.all(
      Array.from({ length: 60 }, (_, at) =>
        remember(processes[at % 3]!.app, caller, { content: `new ${at}`, subject_id: `s${at % 7}` }),
      ),
    ),
  ])
  expect(removed.reduce((sum, count) => sum + count)).toBe(500)
  expect((await expiredEvents(caller.tenantId)).toSorted()).toEqual(ids.toSorted())
  expect(await rowsOf(caller.tenantId)).toBe(60)
})

test('what a process could not finish the next run does', async () => {
  const caller = newCaller()
  const [tea, coffee] = [
    await remember(memory.app, caller, { content: 'tea', subject_id: 'a' }),
    await remember(memory.app, caller, { content: 'coffee', subject_id: 'b' }),
  ]
  await end([tea.body.id, coffee.body.id])
  await memory.admin`
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not now'; end $$`
  await memory.admin`create trigger refuse before delete on memories for each row when (old.subject_id = 'a') execute function refuse()`
  await memory.deps.expiry.run()
  expect(await expiredEvents(caller.tenantId)).toEqual([coffee.body.id])
  await memory.admin`drop trigger refuse on memories`
  await memory.admin`drop function refuse()`
  await memory.deps.expiry.run()
  expect(await expiredEvents(caller.tenantId)).toEqual([coffee.body.id, tea.body.id])
})

test('without the keys of its subject a memory goes, too, and the segments with it', async () => {
  const caller = newCaller()
  const { body } = await remember(memory.app, caller, { content: 'tea', subject_id: 'ada' })
  await rememberMany(memory.app, caller, 150)
  await memory.deps.indexes.store(placeOf(caller))
  await end([body.id])
  await memory.admin`update subject_keys set wrapped = wrapped || '\\x00' where tenant_id = ${caller.tenantId}`
  memory.deps.keys.forgetTenant(caller.tenantId)
  await memory.deps.expiry.run()
  expect(await rowsOf(caller.tenantId)).toBe(150)
  expect(await storedRows(memory, placeOf(caller))).toHaveLength(0)
})

test('the service itself sees no memory that has not expired', async () => {
  const caller = newCaller()
  const { body } = await remember(memory.app, caller, { content: 'tea', ttl_seconds: 3600 })
  const seen = await memory.deps.sql.begin(async (tx) => {
    await tx`select set_config('memoric.system', 'on', true)`
    return tx`select id from memories`
  })
  expect(seen.map(({ id }) => id as string)).not.toContain(body.id)
})

test('looking for what has expired reads the index only', async () => {
  const plan = await memory.admin.begin(async (tx) => {
    await tx`set local enable_seqscan = off`
    return tx<{ 'QUERY PLAN': string }[]>`
      explain select tenant_id, subject_id, id from memories where expires_at <= now() order by expires_at limit 1000`
  })
  expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('memories_expiry')
})
