import { randomUUID } from 'node:crypto'
import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { describe, expect, test } from 'vitest'
import { removeFromSegments } from '../src/search/remove-from-segments.ts'
import type { KeyStore } from '../src/keys/subject-keys.ts'
import { rebuildIndex, rebuildIndexes } from '../src/search/rebuild-index.ts'
import { scopeOfIndex } from '../src/search/segment-repository.ts'
import { storeParts } from '../src/search/store-parts.ts'
import { idsIn, placeOf, rememberMany, storedRows, storedSegments } from './stored-segments.ts'
import { call, contents, newCaller, remember, search, useMemory } from './use-memory.ts'

const memory = useMemory()

const find = (query: string, app = memory.app) => {
  return async (caller: ReturnType<typeof newCaller>) => {
    const found = await search(app, caller, { query, subject_id: 'ada', top_k: 3 })
    return { searched: found.body.searched, contents: contents(found) }
  }
}

async function storedMany(count: number, more: object = {}) {
  const caller = newCaller()
  const memories = await rememberMany(memory.app, caller, count, more)
  await memory.deps.indexes.store(placeOf(caller))
  return { caller, memories, place: placeOf(caller) }
}

const rebuilt = async (tenantId: string) => {
  const events = await memory.events('index.rebuilt')
  return events.filter(({ tenantid }) => tenantid === tenantId).map(({ data }) => data)
}

describe('writing segments', () => {
  test('happens in the background of a subject that is written to', async () => {
    const caller = newCaller()
    await rememberMany(memory.app, caller, 300)
    await expect.poll(() => storedRows(memory, placeOf(caller)), { timeout: 5000 }).not.toEqual([])
  })

  test('happens in the background of a subject that is searched', async () => {
    const [caller, writer] = [newCaller(), await memory.startAnother()]
    // It writes memories, and no segments any more.
    await writer.deps.indexes.close()
    await rememberMany(writer.app, caller, 300)
    expect(await find('w7')(caller)).toEqual({ searched: 300, contents: ['note w7 about tea'] })
    await expect.poll(() => storedRows(memory, placeOf(caller)), { timeout: 5000 }).not.toEqual([])
  })

  test('that a process loaded, merged and wiped leaves it an index that finds old and new', async () => {
    const { caller, place } = await storedMany(130)
    const other = await memory.startAnother()
    await find('w7', other.app)(caller)
    for (const name of ['x', 'y', 'z']) {
      const items = Array.from({ length: 130 }, (_, at) => ({ content: `note ${name}${at}`, subject_id: 'ada' }))
      expect((await call(other.app, caller, 'POST', '/v1/memories/batch', { items })).status).toBe(200)
      await other.deps.indexes.store(place)
    }
    expect(await storedRows(memory, place)).toHaveLength(1)
    expect((await find('w7', other.app)(caller)).contents).toEqual(['note w7 about tea'])
    const { body } = await remember(other.app, caller, { content: 'the newest of all', subject_id: 'ada' })
    expect(body.seq).toBe(521)
    for (const word of ['x100', 'y5', 'z129', 'newest']) {
      for (const { app } of [other, memory]) expect((await find(word, app)(caller)).contents[0]).toContain(word)
    }
  })

  test('another process was faster with is noticed, and what both have is kept', async () => {
    const { caller, place } = await storedMany(300)
    const other = await memory.startAnother()
    await find('w7', other.app)(caller)
    await rememberMany(memory.app, caller, 100)
    // Not yet enough for it to write a segment by itself.
    await find('w7', other.app)(caller)
    await rememberMany(memory.app, caller, 100)
    await memory.deps.indexes.store(place)
    const rows = await storedRows(memory, place)
    expect(rows).toHaveLength(2)
    await other.deps.indexes.store(place)
    expect(await storedRows(memory, place)).toEqual(rows)
    const found = await search(other.app, caller, { query: 'w7 w299', subject_id: 'ada', top_k: 20 })
    expect(found.body.results.length).toBe(4)
  })

  test('is not done for a few memories', async () => {
    const { caller, place } = await storedMany(100)
    expect(await find('w7')(caller)).toEqual({ searched: 100, contents: ['note w7 about tea'] })
    expect(await storedRows(memory, place)).toEqual([])
  })

  test('a process that starts finds everything in them, without opening the memories', async () => {
    const { caller } = await storedMany(500)
    const other = await memory.startAnother()
    await memory.admin`update memories set sealed = '' where tenant_id = ${caller.tenantId} and seq <> 500`
    expect(await find('w499', other.app)(caller)).toEqual({ searched: 500, contents: ['note w499 about tea'] })
  })

  test('of many processes at once makes each change part of one segment', async () => {
    const caller = newCaller()
    const others = [memory, await memory.startAnother(), await memory.startAnother()]
    await Promise.all(
      others.map(async ({ app, deps }) => {
        await rememberMany(app, caller, 250)
        await deps.indexes.store(placeOf(caller))
      }),
    )
    for (const { deps } of others) await deps.indexes.store(placeOf(caller))
    const rows = await storedRows(memory, placeOf(caller))
    for (const [at, row] of rows.entries()) expect(row.from_change).toBe(rows[at - 1]?.to_change ?? 0)
    const ids = (await storedSegments(memory, placeOf(caller))).flatMap(idsIn)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { app } of others) expect((await find('w7', app)(caller)).searched).toBe(750)
  })

  test('is not upset by a process that is cut off right after the commit', async () => {
    const caller = newCaller()
    const place = placeOf(caller)
    await rememberMany(memory.app, caller, 100)
    const { keys } = memory.deps
    const cutOff: KeyStore['forReading'] = async (tenantId, subjectId, work) => {
      await keys.forReading(tenantId, subjectId, work)
      throw new Error('cut off')
    }
    const deps = { ...memory.deps, keys: { ...keys, forReading: cutOff } }
    const storing = memory.deps.indexes.use(place, (index) => storeParts(deps, place, index, index.parts))
    await expect(storing).rejects.toThrow('cut off')
    expect(await storedRows(memory, place)).toHaveLength(1)
    await rememberMany(memory.app, caller, 200)
    await memory.deps.indexes.store(place)
    const ids = (await storedSegments(memory, place)).flatMap(idsIn)
    expect([ids.length, new Set(ids).size]).toEqual([300, 300])
    expect((await find('w7')(caller)).searched).toBe(300)
  })
})

describe('deleting', () => {
  test('takes a memory out of every stored segment in the same request, older versions too', async () => {
    const { caller, memories, place } = await storedMany(300)
    const gone = memories[5]!
    await call(memory.app, caller, 'PATCH', `/v1/memories/${gone.id}`, { content: 'changed' })
    await rememberMany(memory.app, caller, 200)
    await memory.deps.indexes.store(place)
    expect((await storedSegments(memory, place)).flatMap(idsIn).filter((id) => id === gone.id)).toHaveLength(2)
    expect((await call(memory.app, caller, 'DELETE', `/v1/memories/${gone.id}`)).status).toBe(204)
    const left = (await storedSegments(memory, place)).flatMap(idsIn)
    expect(left).not.toContain(gone.id)
    expect(left).toHaveLength(499)
  })

  test('takes many memories out of all segments at once', async () => {
    const { memories, place } = await storedMany(500)
    const gone = memories.filter((_, at) => at % 50 === 0)
    await memory.deps.keys.forReading(place.tenantId, place.subjectId, (keys) =>
      tenantTransaction(memory.deps.sql, scopeOfIndex(place), (tx) => removeFromSegments(tx, keys, place, gone)),
    )
    const left = (await storedSegments(memory, place)).flatMap(idsIn)
    expect(left).toHaveLength(490)
    expect(left.filter((id) => gone.some((memory) => memory.id === id))).toEqual([])
  })

  test('while segments are written leaves nothing behind in them', async () => {
    const caller = newCaller()
    const place = placeOf(caller)
    const others = [memory, await memory.startAnother()]
    const memories = await rememberMany(memory.app, caller, 400)
    const gone = memories.filter((_, at) => at % 9 === 0).map(({ id }) => id)
    await Promise.all([
      ...gone.map((id, at) => call(others[at % 2]!.app, caller, 'DELETE', `/v1/memories/${id}`)),
      ...others.map(({ deps }) => deps.indexes.store(place)),
      rememberMany(memory.app, caller, 200).then(() => memory.deps.indexes.store(place)),
    ])
    for (const { deps } of others) await deps.indexes.store(place)
    const left = (await storedSegments(memory, place)).flatMap(idsIn)
    expect(left.length).toBeGreaterThan(300)
    expect(left.filter((id) => gone.includes(id))).toEqual([])
    for (const { app } of others) expect((await find('tea', app)(caller)).searched).toBe(600 - gone.length)
  })

  test('works where a segment cannot be opened', async () => {
    const { caller, memories, place } = await storedMany(200)
    await memory.admin`update search_segments set sealed = '\\x0102' where tenant_id = ${caller.tenantId}`
    expect((await call(memory.app, caller, 'DELETE', `/v1/memories/${memories[5]!.id}`)).status).toBe(204)
    expect(await storedRows(memory, place)).toEqual([])
    memory.deps.indexes.forget(place)
    expect(await find('w7')(caller)).toEqual({ searched: 199, contents: ['note w7 about tea'] })
  })
})

describe('a segment that cannot be used', () => {
  const damages: [string, string, (tenantId: string) => PromiseLike<unknown>][] = [
    [
      'a flipped bit',
      'damaged',
      (tenant) => memory.admin`
        update search_segments set sealed = set_byte(sealed, 5000, get_byte(sealed, 5000) # 1) where tenant_id = ${tenant}`,
    ],
    [
      'a cut end',
      'damaged',
      (tenant) =>
        memory.admin`update search_segments set sealed = substring(sealed for 1000) where tenant_id = ${tenant}`,
    ],
    [
      'no bytes',
      'damaged',
      (tenant) => memory.admin`update search_segments set sealed = '' where tenant_id = ${tenant}`,
    ],
    [
      'another id',
      'damaged',
      (tenant) => memory.admin`update search_segments set segment_id = ${randomUUID()} where tenant_id = ${tenant}`,
    ],
    [
      'an end beyond the last change',
      'damaged',
      (tenant) => memory.admin`update search_segments set to_change = to_change + 1000 where tenant_id = ${tenant}`,
    ],
    [
      'an older format',
      'format',
      (tenant) => memory.admin`update search_segments set format = 1 where tenant_id = ${tenant}`,
    ],
    [
      'an unknown key',
      'key',
      (tenant) => memory.admin`update search_segments set sealed = set_byte(sealed, 4, 9) where tenant_id = ${tenant}`,
    ],
  ]

  test.each(damages)('for %s is built anew from the memories, and the log tells', async (_, reason, damage) => {
    const { caller, place } = await storedMany(300)
    const before = await storedRows(memory, place)
    await damage(caller.tenantId)
    memory.deps.indexes.forget(place)
    expect(await find('w299')(caller)).toEqual({ searched: 300, contents: ['note w299 about tea'] })
    await memory.deps.indexes.store(place)
    expect((await storedSegments(memory, place)).flatMap(idsIn)).toHaveLength(300)
    expect((await storedRows(memory, place)).map(({ segment_id }) => segment_id)).not.toEqual(
      before.map(({ segment_id }) => segment_id),
    )
    expect(await rebuilt(caller.tenantId)).toMatchObject([{ resource_id: 'ada', reason, details: { segments: 1 } }])
  })

  test('because it is missing is built anew', async () => {
    const { caller, place } = await storedMany(200)
    await rememberMany(memory.app, caller, 200)
    await memory.deps.indexes.store(place)
    const rows = await storedRows(memory, place)
    expect(rows).toHaveLength(2)
    await memory.admin`delete from search_segments where segment_id = ${rows[0]!.segment_id}`
    memory.deps.indexes.forget(place)
    expect((await find('w7')(caller)).searched).toBe(400)
    await memory.deps.indexes.store(place)
    expect((await storedSegments(memory, place)).flatMap(idsIn)).toHaveLength(400)
    expect(await rebuilt(caller.tenantId)).toMatchObject([{ reason: 'missing', details: { segments: 0 } }])
  })

  test('because it was copied from another subject opens nothing of that one', async () => {
    const victim = await storedMany(150, { metadata: { pin: 1 } })
    const { caller, place } = await storedMany(150)
    await memory.admin`
      update search_segments set sealed = (
        select sealed from search_segments where tenant_id = ${victim.caller.tenantId}
      ) where tenant_id = ${caller.tenantId}`
    memory.deps.indexes.forget(place)
    expect(await find('w7')(caller)).toEqual({ searched: 150, contents: ['note w7 about tea'] })
  })

  test('because segments overlap is built anew', async () => {
    const { caller, place } = await storedMany(200)
    await memory.admin`
      insert into search_segments (tenant_id, subject_id, from_change, to_change, segment_id, first_seq, last_seq, memories, format, sealed)
      select tenant_id, subject_id, 5, 10, gen_random_uuid(), 1, 1, 1, format, sealed from search_segments
      where tenant_id = ${caller.tenantId}`
    memory.deps.indexes.forget(place)
    expect((await find('w7')(caller)).searched).toBe(200)
    await memory.deps.indexes.store(place)
    expect(await storedRows(memory, place)).toHaveLength(1)
  })

  test('because a newer program wrote it is left alone, and searches are right nevertheless', async () => {
    const { caller, place } = await storedMany(200)
    await memory.admin`update search_segments set format = 1000 where tenant_id = ${caller.tenantId}`
    memory.deps.indexes.forget(place)
    expect((await find('w7')(caller)).searched).toBe(200)
    await rememberMany(memory.app, caller, 300)
    await memory.deps.indexes.store(place)
    expect((await find('w7')(caller)).searched).toBe(500)
    expect((await storedRows(memory, place)).map(({ format }) => format)).toEqual([1000])
  })
})

describe('who may see segments', () => {
  test('is decided by tenant and subject in the database', async () => {
    const { caller } = await storedMany(150)
    const count = async (tenantId: string, subjects: '*' | string[], namespaces: '*' | string[] = '*') => {
      const scope = { tenantId, subjects, namespaces }
      const [rows] = await tenantFlight(memory.deps.sql, scope, (tx) => [tx`select segment_id from search_segments`])
      return rows.length
    }
    expect(await count(caller.tenantId, '*')).toBe(1)
    expect(await count(caller.tenantId, ['ada'], ['nothing'])).toBe(1)
    expect(await count(caller.tenantId, ['bob'])).toBe(0)
    expect(await count(caller.tenantId, [])).toBe(0)
    expect(await count(newCaller().tenantId, '*')).toBe(0)
  })

  test('a caller that is limited to namespaces neither finds nor counts what stored segments have of others', async () => {
    const { caller, place } = await storedMany(200, { namespace: 'home' })
    await rememberMany(memory.app, caller, 200, { namespace: 'work' })
    await memory.deps.indexes.store(place)
    const body = { query: 'w7', subject_id: 'ada', explain: true }
    const limited = await search(memory.app, { ...caller, namespaces: ['work'] }, body)
    expect(limited.body.searched).toBe(200)
    expect(limited.body.results.map(({ memory: found }) => found.namespace)).toEqual(['work'])
    const { idf } = limited.body.results[0]!.explanation!.relevance.terms[0]!
    expect(idf).toBeCloseTo(Math.log(1 + 199.5 / 1.5), 9)
    expect((await search(memory.app, { ...caller, namespaces: ['Work', 'wor', ''] }, body)).body.searched).toBe(0)
  })
})

describe('rebuilding', () => {
  test('writes segments anew from the memories and tells who asked', async () => {
    const { caller, place } = await storedMany(300)
    const before = await storedRows(memory, place)
    await rebuildIndex(memory.deps, place)
    const after = await storedRows(memory, place)
    expect(after).toHaveLength(1)
    expect(after[0]!.segment_id).not.toBe(before[0]!.segment_id)
    expect((await find('w7')(caller)).searched).toBe(300)
    expect(await rebuilt(caller.tenantId)).toMatchObject([{ reason: 'requested' }])
  })

  test('goes through every subject of a tenant, and no other tenant', async () => {
    const { caller } = await storedMany(150)
    const other = await storedMany(150)
    await remember(memory.app, caller, { content: 'x', subject_id: 'bob' })
    const done: string[] = []
    for await (const subjectId of rebuildIndexes(memory.deps, caller.tenantId)) done.push(subjectId)
    expect(done).toEqual(['ada', 'bob'])
    expect(await rebuilt(other.caller.tenantId)).toEqual([])
  })

  test('a process that knew the old segments goes on with the new ones', async () => {
    const { caller, place } = await storedMany(300)
    const other = await memory.startAnother()
    await find('w7', other.app)(caller)
    await rebuildIndex(memory.deps, place)
    await rememberMany(other.app, caller, 200)
    await other.deps.indexes.store(place)
    expect((await find('tea', other.app)(caller)).searched).toBe(500)
    const ids = (await storedSegments(memory, place)).flatMap(idsIn)
    expect([ids.length, new Set(ids).size]).toEqual([500, 500])
  })
})

test('a subject that was erased and begins anew is not mixed up with what a process remembers', async () => {
  const { caller, place } = await storedMany(200)
  await find('w7')(caller)
  for (const table of ['memories', 'subjects', 'search_segments', 'memory_deletions']) {
    await memory.admin`delete from ${memory.admin(table)} where tenant_id = ${place.tenantId}`
  }
  await memory.admin`insert into subjects (tenant_id, subject_id) values (${place.tenantId}, 'ada')`
  await rememberMany(memory.app, caller, 250, { namespace: 'new' })
  expect((await find('w7')(caller)).searched).toBe(250)
  const found = await search(memory.app, caller, { query: 'w7', subject_id: 'ada' })
  expect(found.body.results.map(({ memory: { namespace } }) => namespace)).toEqual(['new'])
})

test('segments of a subject that was erased while they were made are not stored', async () => {
  const caller = newCaller()
  await rememberMany(memory.app, caller, 127)
  const other = await memory.startAnother()
  await find('w7', other.app)(caller)
  for (const table of ['memories', 'subjects', 'subject_keys']) {
    await memory.admin`delete from ${memory.admin(table)} where tenant_id = ${caller.tenantId}`
  }
  await other.deps.indexes.store(placeOf(caller))
  expect(await storedRows(memory, placeOf(caller))).toEqual([])
})
