import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { strengthOf } from '../src/strength/strength.ts'
import { call, newCaller, type ProblemBody, remember, search, useMemory } from './use-memory.ts'

const DAY = 86_400_000
const NOW = new Date('2026-11-22T10:00:00Z')
const ago = (days: number) => new Date(NOW.getTime() - days * DAY)

describe('the strength of a memory', () => {
  test('is 1 when it was just used and halves with every half-life of 7 days', () => {
    const of = (days: number) =>
      strengthOf({ importance: 0.5, seenCount: 1, recalls: 0, lastUsedAt: ago(days) }, NOW).value
    expect([of(0), of(7), of(14), of(70)]).toEqual([1, 0.5, 0.25, 2 ** -10])
    expect(of(-3)).toBe(1)
  })

  test('lasts longer with every use, and with importance', () => {
    const halfLife = (importance: number, seenCount: number, recalls: number) =>
      strengthOf({ importance, seenCount, recalls, lastUsedAt: NOW }, NOW).halfLifeDays
    expect([halfLife(0.5, 1, 0), halfLife(0.5, 3, 1), halfLife(1, 1, 0), halfLife(0, 1, 0)]).toEqual([7, 28, 10.5, 3.5])
    expect(halfLife(0.5, 1, 1e9)).toBe(700)
  })

  test('is between 0 and 1, never grows with time, and does not depend on how often it is looked at', () => {
    const remembered = fc.record({
      importance: fc.double({ min: 0, max: 1, noNaN: true }),
      seenCount: fc.integer({ min: 1, max: 1e6 }),
      recalls: fc.integer({ min: 0, max: 1e6 }),
      lastUsedAt: fc.date({ min: ago(40_000), max: ago(-10), noInvalidDate: true }),
    })
    fc.assert(
      fc.property(remembered, fc.integer({ min: 0, max: 10_000 }), (of, later) => {
        const [now, then] = [strengthOf(of, NOW), strengthOf(of, new Date(NOW.getTime() + later * DAY))]
        expect(now.value).toBeGreaterThanOrEqual(then.value)
        expect(now.value <= 1 && then.value >= 0).toBe(true)
        expect(strengthOf(of, NOW)).toEqual(now)
      }),
    )
  })
})

describe('in the service', () => {
  const memory = useMemory()
  const daysAgo = (days: number) => new Date(Date.now() - days * DAY).toISOString()
  const strength = (caller: ReturnType<typeof newCaller>, id: string) =>
    call<Record<string, number | boolean | string> & ProblemBody>(
      memory.app,
      caller,
      'GET',
      `/v1/memories/${id}/strength`,
    )

  test('is told with what it comes from', async () => {
    const caller = newCaller()
    const occurred_at = daysAgo(7)
    const { body } = await remember(memory.app, caller, { content: 'tea', occurred_at })
    const { body: told } = await strength(caller, body.id)
    expect(told).toMatchObject({
      half_life_days: 7,
      uses: 1,
      seen_count: 1,
      recalls: 0,
      recalls_counted: false,
      last_used_at: occurred_at,
    })
    expect(told['strength']).toBeCloseTo(0.5, 3)
    await remember(memory.app, caller, { content: 'tea' })
    expect((await strength(caller, body.id)).body).toMatchObject({ half_life_days: 14, uses: 2, seen_count: 2 })
    expect((await strength(newCaller(), body.id)).body.code).toBe('memory_not_found')
  })

  test('counts what searches find where the policy evicts the weakest first', async () => {
    const caller = newCaller()
    const tiers = [{ name: 'short_term', capacity: { memories: 2, evict: 'weakest' } }, { name: 'long_term' }]
    await call(memory.app, caller, 'PUT', '/v1/policies', { policy: { tiers } })
    const made: string[] = []
    for (const [nth, content] of ['old roses', 'old tulips', 'important lilies', 'new daisies'].entries()) {
      const occurred_at = daysAgo(nth === 3 ? 0 : 10)
      const body = { content, subject_id: 'ada', occurred_at, importance: nth === 2 ? 1 : 0.3 }
      made.push((await remember(memory.app, caller, body)).body.id)
    }
    for (let nth = 0; nth < 5; nth++) await search(memory.app, caller, { subject_id: 'ada', query: 'tulips', top_k: 1 })
    await memory.deps.uses.flush()
    expect((await strength(caller, made[1]!)).body).toMatchObject({ recalls: 5, recalls_counted: true, uses: 6 })
    await call(memory.app, caller, 'POST', '/v1/policies/run', {})
    const tierOf = async (id: string) => (await call(memory.app, caller, 'GET', `/v1/memories/${id}`)).body.tier
    const tiersNow = await Promise.all(made.map(tierOf))
    expect(tiersNow).toEqual(['long_term', 'short_term', 'long_term', 'short_term'])
  })
})
