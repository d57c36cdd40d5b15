import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { wipe } from '../src/bytes.ts'
import { createKeyCache } from '../src/key-cache.ts'

const zeros = Buffer.alloc(4)

function setup(maxEntries = 3, ttlMs = 1000) {
  const clock = { time: 0 }
  const cache = createKeyCache<Buffer>({ maxEntries, ttlMs, now: () => clock.time, dispose: (key) => wipe(key) })
  const add = (id: string): Buffer => {
    const key = Buffer.from('key!')
    cache.set(id, key)
    return key
  }
  return { clock, cache, add }
}

describe('the key cache wipes', () => {
  test('the least recently used key when it is full', () => {
    const { cache, add } = setup()
    const [first, second] = [add('1'), add('2'), add('3')]
    expect(cache.get('1')).toBe(first)
    add('4')
    expect(second).toEqual(zeros)
    expect([cache.get('2'), cache.size]).toEqual([undefined, 3])
    expect(first).not.toEqual(zeros)
  })

  test('an expired key when it is asked for, however often it was used', () => {
    const { cache, add, clock } = setup()
    const key = add('1')
    clock.time = 999
    expect(cache.get('1')).toBe(key)
    clock.time = 1000
    expect(cache.get('1')).toBeUndefined()
    expect(key).toEqual(zeros)
  })

  test('expired keys that nobody asks for when it is swept', () => {
    const { cache, add, clock } = setup()
    const old = add('old')
    clock.time = 500
    const young = add('young')
    clock.time = 1200
    cache.sweep()
    expect(old).toEqual(zeros)
    expect(cache.get('young')).toBe(young)
    expect(cache.size).toBe(1)
  })

  test('a key that is replaced, deleted, selected or cleared', () => {
    const { cache, add } = setup(10)
    const keys = [add('a'), add('b'), add('t1/c'), add('d')]
    add('a')
    cache.delete('b')
    cache.deleteWhere((id) => id.startsWith('t1/'))
    expect(keys.slice(0, 3)).toEqual([zeros, zeros, zeros])
    expect(keys[3]).not.toEqual(zeros)
    cache.clear()
    expect(keys[3]).toEqual(zeros)
    expect(cache.size).toBe(0)
  })

  test('nothing twice and everything at last, whatever happens', () => {
    const command = fc.tuple(
      fc.constantFrom('set', 'get', 'delete', 'wait', 'sweep'),
      fc.constantFrom('a', 'b', 'c', 'd'),
    )
    const law = fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const clock = { time: 0 }
      const disposed: object[] = []
      const made: object[] = []
      const cache = createKeyCache<object>({
        maxEntries: 2,
        ttlMs: 3,
        now: () => clock.time,
        dispose: (v) => disposed.push(v),
      })
      for (const [verb, id] of commands) {
        if (verb === 'set') cache.set(id, made[made.push({}) - 1] ?? {})
        if (verb === 'get') expect(disposed).not.toContain(cache.get(id) ?? null)
        if (verb === 'delete') cache.delete(id)
        if (verb === 'wait') clock.time += 1
        if (verb === 'sweep') cache.sweep()
        expect(cache.size).toBeLessThanOrEqual(2)
      }
      cache.clear()
      expect(disposed).toHaveLength(made.length)
      expect(new Set(disposed)).toEqual(new Set(made))
    })
    fc.assert(law)
  })
})

describe('using a key', () => {
  const load = () => Promise.resolve(Buffer.from('key!'))

  test('loads it once for all who ask at the same time, and not again', async () => {
    const { cache } = setup()
    let loads = 0
    const counted = () => {
      loads += 1
      return load()
    }
    const ask = () => cache.use('1', counted, (key) => key)
    const keys = await Promise.all([ask(), ask(), ask()])
    expect(await ask()).toBe(keys[0])
    expect(new Set(keys).size).toBe(1)
    expect(loads).toBe(1)
  })

  test('keeps it intact until the work is done, though it has left the cache', async () => {
    const { cache } = setup()
    const work = Promise.withResolvers<undefined>()
    let used: Buffer = zeros
    const running = cache.use('1', load, async (key) => {
      used = key
      await work.promise
      return key.toString()
    })
    await new Promise(setImmediate)
    cache.clear()
    expect(cache.get('1')).toBeUndefined()
    work.resolve(undefined)
    expect(await running).toBe('key!')
    expect(used).toEqual(zeros)
  })

  test('keeps it intact when it is evicted in the moment it was loaded', async () => {
    const { cache } = setup(1)
    const ask = (id: string) => cache.use(id, load, (key) => key.toString())
    expect(await Promise.all([ask('1'), ask('2'), ask('1'), ask('3')])).toEqual(['key!', 'key!', 'key!', 'key!'])
    expect(cache.size).toBe(1)
  })

  test('does not bring back a key that was deleted while it was loading', async () => {
    const { cache } = setup()
    const loading = Promise.withResolvers<Buffer>()
    const running = cache.use(
      '1',
      () => loading.promise,
      (key) => key.toString(),
    )
    await new Promise(setImmediate)
    cache.delete('1')
    const key = Buffer.from('key!')
    loading.resolve(key)
    expect(await running).toBe('key!')
    expect(cache.get('1')).toBeUndefined()
    expect(key).toEqual(zeros)
  })

  test('passes on a failed load to all who wait and tries again next time', async () => {
    const { cache } = setup()
    const failing = () => Promise.reject(new Error('the KMS is away'))
    const ask = () => cache.use('1', failing, (key) => key)
    const outcomes = await Promise.allSettled([ask(), ask()])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await cache.use('1', load, (key) => key.toString())).toBe('key!')
  })

  test('releases it when the work fails', async () => {
    const { cache, add } = setup()
    const key = add('1')
    const failing = cache.use('1', load, () => Promise.reject(new Error('work failed')))
    await expect(failing).rejects.toThrow('work failed')
    cache.delete('1')
    expect(key).toEqual(zeros)
  })
})
