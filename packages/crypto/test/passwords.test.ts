import { describe, expect, test } from 'vitest'

import { CryptoError } from '../src/errors.ts'
import { createPasswordHasher, DEFAULT_PASSWORD_COST, hashesAtOnce } from '../src/passwords.ts'
import { createWorkLimit } from '../src/work-limit.ts'

const cost = { memoryKib: 64, passes: 1, lanes: 1 }
const hasher = createPasswordHasher({ cost })
const busy = new CryptoError('busy')

describe('a password hash', () => {
  test('verifies its password and no other', async () => {
    const stored = await hasher.hash('correct horse')
    expect(await hasher.verify(stored, 'correct horse')).toBe(true)
    expect(await hasher.verify(stored, 'correct horse ')).toBe(false)
    expect(await hasher.verify(stored, '')).toBe(false)
  })

  test('is argon2id at the chosen cost, with a new salt each time', async () => {
    const [one, other] = [await hasher.hash('same'), await hasher.hash('same')]
    expect(one).toMatch(/^\$argon2id\$v=19\$m=64,t=1,p=1\$[\w+/]{22}\$[\w+/]{43}$/)
    expect(one).not.toBe(other)
  })

  test('is the same for every spelling of the same characters', async () => {
    expect(await hasher.verify(await hasher.hash('Caf\u00e9 \ufb01ne'), 'Cafe\u0301 fine')).toBe(true)
  })

  test('is refused above 1,024 bytes, before and after normalisation', async () => {
    await expect(hasher.hash('x'.repeat(1024))).resolves.toBeTypeOf('string')
    const tooLong = new CryptoError('password_too_long')
    await expect(hasher.hash('x'.repeat(1025))).rejects.toThrow(tooLong)
    await expect(hasher.hash('é'.repeat(513))).rejects.toThrow(tooLong)
    await expect(hasher.hash('\ufdfa'.repeat(300))).rejects.toThrow(tooLong)
  })

  test('does not verify a password that is too long to have been hashed', async () => {
    expect(await hasher.verify(await hasher.hash('x'.repeat(1024)), 'x'.repeat(1025))).toBe(false)
  })

  const foreign = {
    nothing: '',
    'another algorithm':
      '$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$1111111111111111111111111111111111111111111',
    bcrypt: '$2b$10$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234',
    'an absurd cost':
      '$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$1111111111111111111111111111111111111111111',
    'an empty digest': '$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$',
  }
  test.each(Object.entries(foreign))('is not accepted from the store when it is %s', async (_name, stored) => {
    await expect(hasher.verify(stored, 'password')).rejects.toThrow(new CryptoError('invalid_hash'))
    expect(hasher.needsRehash(stored)).toBe(true)
  })

  test('needs to be made again exactly when the cost has changed', async () => {
    const stored = await hasher.hash('password')
    expect(hasher.needsRehash(stored)).toBe(false)
    for (const change of [{ memoryKib: 128 }, { passes: 2 }, { lanes: 2 }]) {
      expect(createPasswordHasher({ cost: { ...cost, ...change } }).needsRehash(stored)).toBe(true)
    }
  })

  test('costs 19 MiB and two passes unless told otherwise', async () => {
    expect(DEFAULT_PASSWORD_COST).toEqual({ memoryKib: 19_456, passes: 2, lanes: 1 })
    expect(await createPasswordHasher().hash('password')).toContain('$m=19456,t=2,p=1$')
  })
})

describe('a dummy verification', () => {
  test('is never true', async () => {
    expect(await hasher.verifyDummy('password')).toBe(false)
    expect(await hasher.verifyDummy('x'.repeat(5000))).toBe(false)
  })

  test('takes a place like a real one', async () => {
    const narrow = createPasswordHasher({ cost, concurrency: 1, maxQueue: 0 })
    const stored = await narrow.hash('password')
    const dummy = narrow.verifyDummy('password')
    await expect(narrow.verify(stored, 'password')).rejects.toThrow(busy)
    expect(await dummy).toBe(false)
    expect(await narrow.verify(stored, 'password')).toBe(true)
  })
})

test('a hasher refuses what does not fit in its queue and serves the rest', async () => {
  const narrow = createPasswordHasher({ cost, concurrency: 1, maxQueue: 2 })
  const outcomes = await Promise.allSettled(['a', 'b', 'c', 'd'].map((password) => narrow.hash(password)))
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected'])
  expect(outcomes[3]).toMatchObject({ reason: busy })
})

test.each([
  [1, 1],
  [2, 1],
  [4, 3],
  [64, 3],
])('a machine with %i processors computes %i hashes at once', (processors, hashes) => {
  expect(hashesAtOnce(processors)).toBe(hashes)
})

describe('a work limit', () => {
  test('never runs more at once than it may, and all in order', async () => {
    const limit = createWorkLimit(3, 100)
    const started: number[] = []
    let [running, most] = [0, 0]
    const work = async (index: number) => {
      started.push(index)
      most = Math.max(most, (running += 1))
      await new Promise(setImmediate)
      running -= 1
    }
    await Promise.all(Array.from({ length: 20 }, (_, index) => limit(() => work(index))))
    expect(most).toBe(3)
    expect(started).toEqual(Array.from({ length: 20 }, (_, index) => index))
  })

  test('frees its place when work fails', async () => {
    const limit = createWorkLimit(1, 0)
    const failing = () => limit(() => Promise.reject(new Error('work failed')))
    await expect(failing()).rejects.toThrow('work failed')
    await expect(failing()).rejects.toThrow('work failed')
  })
})
