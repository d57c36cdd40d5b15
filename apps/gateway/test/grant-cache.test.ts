import { randomUUID } from 'node:crypto'
import { tenantId } from '@memoric/contracts/ids.ts'
import type { Grant } from '@memoric/contracts/introspection.ts'
import { describe, expect, test } from 'vitest'
import { createGrantCache } from '../src/authentication/grant-cache.ts'
import { gatewayConfig } from '../src/config.ts'

const TTL = 30_000

function grantFor(changes: Partial<Grant> = {}): Grant {
  return {
    grantId: randomUUID(),
    tenantId: tenantId.parse(randomUUID()),
    principal: { type: 'api_key', id: randomUUID() },
    networks: [],
    rateLimit: null,
    tenantRateLimit: null,
    permissions: [],
    subjects: '*',
    namespaces: '*',
    expiresAt: Number.MAX_SAFE_INTEGER,
    ...changes,
  }
}

/** A cache with a clock that stands still, and a loader that counts. */
function setUp(grant: Grant | null = grantFor(), maxEntries = 100) {
  const clock = { now: 1_000_000 }
  const state = { loads: 0, answer: grant }
  const cache = createGrantCache<Grant>({ ttlMs: TTL, maxEntries, now: () => clock.now })
  const load = () => {
    state.loads += 1
    return Promise.resolve(state.answer)
  }
  return { cache, clock, state, load, get: (credential = 'a') => cache.get(credential, load) }
}

/** A load that ends when the test says so. */
function heldLoad() {
  const { promise, resolve, reject } = Promise.withResolvers<Grant | null>()
  let loads = 0
  const load = () => {
    loads += 1
    return promise
  }
  return { load, resolve, reject, loads: () => loads }
}

describe('a grant', () => {
  test('is asked for once and believed until its time is over', async () => {
    const { get, clock, state } = setUp()
    await get()
    clock.now += TTL - 1
    expect(await get()).toBe(state.answer)
    expect(state.loads).toBe(1)
    clock.now += 1
    await get()
    expect(state.loads).toBe(2)
  })

  test('is never believed beyond its own end', async () => {
    const { get, clock, state } = setUp(grantFor({ expiresAt: 1_000_010 }))
    await get()
    clock.now += 10
    expect(await get()).toBeNull()
    expect(state.loads).toBe(2)
  })

  test('that had ended when it arrived is none', async () => {
    const { get } = setUp(grantFor({ expiresAt: 1_000_000 }))
    expect(await get()).toBeNull()
  })

  test('that took long to arrive is believed no longer for it', async () => {
    const { cache, clock, get, state } = setUp()
    const slow = heldLoad()
    const first = cache.get('a', slow.load)
    clock.now += TTL - 10
    slow.resolve(grantFor())
    await first
    clock.now += 10
    await get()
    expect(state.loads).toBe(1)
  })

  test('of one credential is not given for another', async () => {
    const { cache } = setUp()
    const [one, two] = [grantFor(), grantFor()]
    expect(await cache.get('one', () => Promise.resolve(one))).toBe(one)
    expect(await cache.get('two', () => Promise.resolve(two))).toBe(two)
    expect(await cache.get('one', () => Promise.reject(new Error('asked again')))).toBe(one)
  })
})

test('a credential that does not stand is not remembered as such', async () => {
  const { get, state } = setUp(null)
  expect(await get()).toBeNull()
  state.answer = grantFor()
  expect(await get()).toBe(state.answer)
})

test('a load that fails fails for all who wait and for nobody after them', async () => {
  const { cache, get, state } = setUp()
  const broken = heldLoad()
  const waiting = Promise.allSettled([cache.get('a', broken.load), cache.get('a', broken.load)])
  broken.reject(new Error('auth is away'))
  expect((await waiting).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await get()).toBe(state.answer)
})

test('a thousand requests at once ask once', async () => {
  const { cache } = setUp()
  const held = heldLoad()
  const grants = Array.from({ length: 1000 }, () => cache.get('a', held.load))
  const grant = grantFor()
  held.resolve(grant)
  expect(new Set(await Promise.all(grants))).toEqual(new Set([grant]))
  expect(held.loads()).toBe(1)
})

describe('a revocation', () => {
  test.each([
    ['grant', (grant: Grant) => grant.grantId],
    ['principal', (grant: Grant) => grant.principal.id],
    ['tenant', (grant: Grant) => grant.tenantId as string],
  ])('by %s ends what is cached at once', async (_what, idOf) => {
    const grant = grantFor()
    const { cache, get, state } = setUp(grant)
    await get()
    cache.revoke([randomUUID(), idOf(grant)])
    state.answer = null
    expect(await get()).toBeNull()
  })

  test('of something else ends nothing', async () => {
    const { cache, get, state } = setUp()
    await get()
    cache.revoke([randomUUID()])
    await get()
    expect(state.loads).toBe(1)
  })

  test.each(['revoke', 'clear'] as const)(
    '(%s) while a grant is on its way keeps it from being cached',
    async (how) => {
      const grant = grantFor()
      const { cache, get, state } = setUp(null)
      const held = heldLoad()
      const first = cache.get('a', held.load)
      if (how === 'revoke') cache.revoke([grant.grantId])
      else cache.clear()
      held.resolve(grant)
      await first
      expect(await get()).toBeNull()
      expect(state.loads).toBe(1)
    },
  )

  test.each(['revoke', 'clear'] as const)(
    '(%s) is heeded by whoever asks after it, also while an older question is open',
    async (how) => {
      const grant = grantFor()
      const { cache, get } = setUp(null)
      const held = heldLoad()
      const first = cache.get('a', held.load)
      if (how === 'revoke') cache.revoke([grant.grantId])
      else cache.clear()
      const second = get()
      held.resolve(grant)
      await first
      expect(await second).toBeNull()
    },
  )
})

test('a gateway believes a grant for thirty seconds, and no setting makes it longer', () => {
  const { GRANT_CACHE_SECONDS } = gatewayConfig.shape
  expect(GRANT_CACHE_SECONDS.parse(undefined)).toBe(30)
  expect(GRANT_CACHE_SECONDS.parse('5')).toBe(5)
  for (const refused of ['31', '0', '-1', '1e1', 'always']) {
    expect(GRANT_CACHE_SECONDS.safeParse(refused).success).toBe(false)
  }
})

test('whoever loads a grant learns whether the credential stood before', async () => {
  const { cache, clock, state } = setUp()
  const seen: boolean[] = []
  const get = (credential: string) =>
    cache.get(credential, (wasGranted) => {
      seen.push(wasGranted)
      return Promise.resolve(state.answer)
    })
  await get('a')
  clock.now += TTL
  await get('a')
  await get('b')
  cache.revoke([state.answer!.grantId])
  await get('a')
  expect(seen).toEqual([false, true, false, false])
  clock.now += TTL
  state.answer = null
  await get('a')
  await get('a')
  expect(seen.slice(4)).toEqual([true, false])
})

test('clear forgets everything', async () => {
  const { cache, get, state } = setUp()
  await get('a')
  await get('b')
  cache.clear()
  await get('a')
  await get('b')
  expect(state.loads).toBe(4)
})

test('no more than the bound is kept, and the oldest goes first', async () => {
  const { get, state } = setUp(grantFor(), 3)
  for (const credential of ['a', 'b', 'c', 'd']) await get(credential)
  expect(state.loads).toBe(4)
  for (const credential of ['b', 'c', 'd']) await get(credential)
  expect(state.loads).toBe(4)
  await get('a')
  expect(state.loads).toBe(5)
})
