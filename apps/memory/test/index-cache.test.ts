import { randomBytes } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { KeyRotation } from '@memoric/contracts/key-contract.ts'
import { createKeyRing } from '@memoric/crypto/key-ring.ts'
import { createSealingKey } from '@memoric/crypto/sealed-box.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { describe, expect, test } from 'vitest'
import { resealSegments } from '../src/search/reseal-segments.ts'
import { scopeOfIndex } from '../src/search/segment-repository.ts'
import { storeParts } from '../src/search/store-parts.ts'
import { idsIn, placeOf, rememberMany, storedRows, storedSegments } from './stored-segments.ts'
import { call, newCaller, remember, search, useMemory } from './use-memory.ts'

const memory = useMemory({ SEARCH_CACHE_MIB: '1' })

const find = async (caller: Caller, query: string, app = memory.app) =>
  (await search(app, caller, { query, subject_id: 'ada' })).body

/** The bytes of all segments that the process holds of a subject, and whether anything is in them. */
async function heldBytes(caller: Caller): Promise<() => boolean> {
  const held = await memory.deps.indexes.use(placeOf(caller), ({ parts }) => parts.map(({ segment }) => segment.bytes))
  return () => held.some((bytes) => bytes.some((byte) => byte !== 0))
}

describe('the memory that indexes take', () => {
  test('is bounded: those used longest ago go, and are wiped', async () => {
    const callers = Array.from({ length: 12 }, () => newCaller())
    const metadata = { blob: 'x'.repeat(1000) }
    for (const caller of callers) await rememberMany(memory.app, caller, 200, { metadata })
    const first = await heldBytes(callers[0]!)
    expect(first()).toBe(true)
    for (const round of [1, 2]) {
      for (const caller of callers) {
        expect((await find(caller, `w${round}`)).searched).toBe(200)
        await expect.poll(() => memory.deps.indexes.bytes()).toBeLessThan(1024 * 1024)
      }
    }
    expect(first()).toBe(false)
  })

  test('is wiped of a subject that is forgotten, and searches under way are answered all the same', async () => {
    const caller = newCaller()
    await rememberMany(memory.app, caller, 600)
    const held = await heldBytes(caller)
    const before = memory.deps.indexes.bytes()
    const searches = Array.from({ length: 20 }, async (_, at) => {
      const found = find(caller, `w${at}`)
      if (at % 3 === 0) memory.deps.indexes.forget(placeOf(caller))
      return (await found).results.length
    })
    expect(await Promise.all(searches)).toEqual(Array.from({ length: 20 }, () => 1))
    memory.deps.indexes.forget(placeOf(caller))
    expect(held()).toBe(false)
    expect(memory.deps.indexes.bytes()).toBeLessThan(before)
  })

  test('of a subject that is forgotten while it is searched is wiped when the search is done', async () => {
    const caller = newCaller()
    await rememberMany(memory.app, caller, 100)
    const isReadable = () => held.some((bytes) => bytes.some((byte) => byte !== 0))
    const held: Uint8Array[] = []
    const during = await memory.deps.indexes.use(placeOf(caller), ({ parts }) => {
      held.push(...parts.map(({ segment }) => segment.bytes))
      memory.deps.indexes.forget(placeOf(caller))
      return isReadable()
    })
    expect([during, isReadable()]).toEqual([true, false])
  })

  test('holds nothing after the service has stopped', async () => {
    const other = await memory.startAnother()
    const caller = newCaller()
    await rememberMany(other.app, caller, 100)
    await find(caller, 'w1', other.app)
    expect(other.deps.indexes.bytes()).toBeGreaterThan(0)
    await other.deps.indexes.close()
    expect(other.deps.indexes.bytes()).toBe(0)
  })

  test('of subjects that are searched and do not exist is little', async () => {
    const before = memory.deps.indexes.bytes()
    const caller = newCaller()
    for (let at = 0; at < 50; at++) await search(memory.app, caller, { query: 'x', subject_id: `nobody ${at}` })
    expect(memory.deps.indexes.bytes() - before).toBeLessThan(100_000)
  })
})

test('what a process learns while it stores parts is not forgotten with them', async () => {
  const caller = newCaller()
  const [first, second] = await rememberMany(memory.app, caller, 100)
  const place = placeOf(caller)
  const deaths = await memory.deps.indexes.use(place, async (index) => {
    const storing = storeParts(memory.deps, place, index, index.parts)
    index.take([], [first!.id, second!.id], index.change)
    expect(await storing).toBe(true)
    return index.parts.map((part) => [part.storedId === null, part.deaths])
  })
  expect(deaths).toEqual([[false, 2]])
})

describe('when the key of a subject is rotated', () => {
  async function rotated(caller: Caller): Promise<void> {
    const path = '/v1/keys/rotations'
    const { body } = await call<KeyRotation>(memory.app, caller, 'POST', path, { subject_id: 'ada' })
    const state = async () => (await call<KeyRotation>(memory.app, caller, 'GET', `${path}/${body.id}`)).body.state
    await expect.poll(state, { timeout: 20_000 }).toBe('done')
  }

  test('its segments are sealed under the new one, and nothing is built anew', async () => {
    const caller = newCaller()
    await rememberMany(memory.app, caller, 700)
    await memory.deps.indexes.store(placeOf(caller))
    const before = await storedRows(memory, placeOf(caller))
    await rotated(caller)
    const after = await storedRows(memory, placeOf(caller))
    expect(after.map(({ segment_id }) => segment_id)).toEqual(before.map(({ segment_id }) => segment_id))
    expect(after.map(({ sealed }) => sealed?.readUInt32BE(1))).toEqual(after.map(() => 2))
    const other = await memory.startAnother()
    expect((await find(caller, 'w7', other.app)).searched).toBe(700)
    expect((await storedSegments(other, placeOf(caller))).flatMap(idsIn)).toHaveLength(700)
    expect((await memory.events('index.rebuilt')).filter(({ tenantid }) => tenantid === caller.tenantId)).toEqual([])
  })

  test('a process that knows the old key only writes no segment under it', async () => {
    const caller = newCaller()
    const other = await memory.startAnother()
    await rememberMany(memory.app, caller, 100)
    await find(caller, 'w7', other.app)
    await rotated(caller)
    const store = () =>
      other.deps.indexes.use(placeOf(caller), (index) => storeParts(other.deps, placeOf(caller), index, index.parts))
    expect(await store()).toBe(false)
    expect(await storedRows(memory, placeOf(caller))).toEqual([])
    expect(await store()).toBe(true)
    expect((await storedRows(memory, placeOf(caller))).map(({ sealed }) => sealed?.readUInt32BE(1))).toEqual([2])
  })

  test('segments are sealed anew a few at a time', async () => {
    const caller = newCaller()
    const place = placeOf(caller)
    for (let round = 0; round < 3; round++) {
      await rememberMany(memory.app, caller, 200)
      await memory.deps.indexes.store(place)
    }
    const key = createSealingKey(2, randomBytes(32))
    const counts = await memory.deps.keys.forReading(caller.tenantId, 'ada', (keys) => {
      const index = createKeyRing(key, [keys!.index.current()])
      return tenantTransaction(memory.deps.sql, scopeOfIndex(place), async (tx) => {
        const reseal = () => resealSegments(tx, { ...keys!, index }, place, 2)
        return [await reseal(), await reseal(), await reseal()]
      })
    })
    expect(counts).toEqual([2, 1, 0])
    expect((await storedRows(memory, place)).map(({ sealed }) => sealed?.readUInt32BE(1))).toEqual([2, 2, 2])
  })

  test('writes, deletions, searches and segments of two processes stay right', async () => {
    const caller = newCaller()
    const other = await memory.startAnother()
    const memories = await rememberMany(memory.app, caller, 400)
    await Promise.all([find(caller, 'w1'), find(caller, 'w1', other.app)])
    const work = async () => {
      for (let at = 0; at < 30; at++) {
        const app = at % 2 === 0 ? memory.app : other.app
        await remember(app, caller, { content: `single ${at}`, subject_id: 'ada' })
        expect((await call(app, caller, 'DELETE', `/v1/memories/${memories[at]!.id}`)).status).toBe(204)
        await Promise.all([memory, other].map(({ deps }) => deps.indexes.store(placeOf(caller))))
      }
    }
    await Promise.all([work(), rotated(caller)])
    await rotated(caller)
    for (const { app } of [memory, other, await memory.startAnother()]) {
      expect((await find(caller, 'tea', app)).searched).toBe(400)
      expect((await find(caller, 'single', app)).results).toHaveLength(10)
    }
  })
})
