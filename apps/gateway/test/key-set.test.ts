import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createKeySet, type KeySetOptions } from '../src/authentication/key-set.ts'
import { newSigningKey, publicJwk } from './use-gateway.ts'

const COOLDOWN = 50
const jwks: Record<string, unknown> = {}
for (const kid of ['one', 'two', 'three']) jwks[kid] = await publicJwk(newSigningKey(kid))

/** A set with a clock that moves when the test says so, and an auth that publishes what the test says. */
function setUp(options: Partial<KeySetOptions> = {}) {
  const state = { published: ['one'], fetches: 0, removals: 0, isAway: false }
  const clock = { now: 1_000_000 }
  const fetchKeys = async (): Promise<unknown> => {
    state.fetches += 1
    if (state.isAway) throw new Error('auth is away')
    await sleep(1)
    return { keys: state.published.map((kid) => jwks[kid]) }
  }
  const onRemoved = () => (state.removals += 1)
  const now = () => clock.now
  const keys = createKeySet({ fetchKeys, maxAgeMs: 30_000, cooldownMs: COOLDOWN, onRemoved, now, ...options })
  return { keys, state, clock }
}

test('keys are fetched once for everybody who asks', async () => {
  const { keys, state } = setUp()
  const found = await Promise.all(Array.from({ length: 100 }, () => keys.find('one')))
  expect(new Set(found).size).toBe(1)
  await keys.find('one')
  expect(state.fetches).toBe(1)
})

test('keys are believed for their time and not longer', async () => {
  const { keys, state, clock } = setUp()
  await keys.find('one')
  clock.now += 29_999
  await keys.find('one')
  expect(state.fetches).toBe(1)
  clock.now += 1
  await keys.find('one')
  expect(state.fetches).toBe(2)
})

test('a key that is published no more is refused after the next look without a further one, and somebody is told', async () => {
  const { keys, state } = setUp()
  state.published = ['one', 'two']
  await keys.find('one')
  state.published = ['two', 'three']
  await keys.reload()
  expect(state.removals).toBe(1)
  const { fetches } = state
  await expect(keys.find('one')).rejects.toMatchObject({ code: 'invalid_token' })
  expect(state.fetches).toBe(fetches)
  expect(await keys.find('three')).toBeDefined()
})

test('new keys alone remove nothing', async () => {
  const { keys, state } = setUp()
  await keys.find('one')
  state.published = ['one', 'two']
  await keys.reload()
  expect(state.removals).toBe(0)
})

describe('a kid that nobody knows', () => {
  test('is looked for once more: the key may be newer than the set', async () => {
    const { keys, state } = setUp()
    await keys.find('one')
    state.published = ['one', 'two']
    expect(await keys.find('two')).toBeDefined()
    expect(state.fetches).toBe(2)
  })

  test('is refused when auth does not publish it', async () => {
    const { keys } = setUp()
    await expect(keys.find('junk')).rejects.toMatchObject({ code: 'invalid_token' })
  })

  test('costs one fetch in a while, however many are sent, and known ones wait for none', async () => {
    const { keys, state } = setUp({ now: Date.now })
    await keys.find('one')
    const startedAt = performance.now()
    const junk = Array.from({ length: 500 }, (_, at) => keys.find(`junk-${at}`))
    const refused = Promise.allSettled(junk)
    await keys.find('one')
    expect(state.fetches).toBe(1)
    expect((await refused).every(({ status }) => status === 'rejected')).toBe(true)
    expect(state.fetches).toBe(2)
    for (let round = 0; round < 3; round += 1) await keys.find('junk').catch(() => undefined)
    const allowed = Math.ceil((performance.now() - startedAt) / COOLDOWN) + 1
    expect(state.fetches).toBeLessThanOrEqual(allowed)
  })

  test('is not judged by an answer that was on its way before it came', async () => {
    const answer = Promise.withResolvers<unknown>()
    const answers: Promise<unknown>[] = [
      Promise.resolve({ keys: [jwks['one']] }),
      answer.promise,
      Promise.resolve({ keys: [jwks['one'], jwks['two']] }),
    ]
    const { keys } = setUp({
      fetchKeys: () => answers.shift() ?? Promise.reject(new Error('asked too often')),
      cooldownMs: 0,
    })
    await keys.find('one')
    const looking = keys.reload()
    const found = keys.find('two')
    answer.resolve({ keys: [jwks['one']] })
    await looking
    expect(await found).toBeDefined()
  })
})

describe('while auth is away', () => {
  test('keys that are known go on until their time is over, then nothing can be judged', async () => {
    const { keys, state, clock } = setUp()
    await keys.find('one')
    state.isAway = true
    await expect(keys.reload()).rejects.toMatchObject({ code: 'service_unavailable' })
    expect(await keys.find('one')).toBeDefined()
    clock.now += 30_000
    await expect(keys.find('one')).rejects.toMatchObject({ code: 'service_unavailable' })
    state.isAway = false
    expect(await keys.find('one')).toBeDefined()
  })

  test.each([
    ['no list', {}],
    ['no keys', { keys: [] }],
    ['a key of another kind', { keys: [{ kid: 'one', kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' }] }],
    ['a key without a name', { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'AAAA' }] }],
    ['a key that is too short', { keys: [{ kid: 'one', kty: 'OKP', crv: 'Ed25519', x: 'AAAA' }] }],
    ['nothing', null],
  ])('or answers %s, nothing can be judged', async (_what, answer) => {
    const { keys } = setUp({ fetchKeys: () => Promise.resolve(answer) })
    await expect(keys.find('one')).rejects.toMatchObject({ code: 'service_unavailable' })
  })
})
