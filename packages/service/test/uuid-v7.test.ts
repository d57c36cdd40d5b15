import { uuid } from '@memoric/contracts/ids.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createUuidV7, uuidV7 } from '../src/uuid-v7.ts'

function ascends(ids: readonly string[]): boolean {
  return ids.every((id, index) => index === 0 || (ids[index - 1] ?? '') < id)
}

describe('a UUIDv7', () => {
  test('has the form, the version and the variant of RFC 9562', () => {
    for (let time = 0; time < 100; time++) {
      const id = uuidV7()
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      expect(uuid.safeParse(id).success).toBe(true)
    }
  })

  test('begins with the time in ms', () => {
    const id = createUuidV7(() => 0x0198c2f01234)()
    expect(id.slice(0, 18)).toBe('0198c2f0-1234-7000')
    expect(createUuidV7(() => 1)().slice(0, 13)).toBe('00000000-0001')
  })

  test('ascends within a millisecond, also when its counter is full', () => {
    const next = createUuidV7(() => 1_800_000_000_000)
    const ids = Array.from({ length: 10_000 }, next)
    expect(ascends(ids)).toBe(true)
    expect(new Set(ids).size).toBe(10_000)
  })

  test('ascends whatever the clock does', () => {
    const clock = fc.array(fc.integer({ min: 0, max: 2 ** 42 }), { minLength: 2 })
    const law = fc.property(clock, (times) => {
      let tick = 0
      const next = createUuidV7(() => times[tick++] ?? 0)
      expect(ascends(times.map(() => next()))).toBe(true)
    })
    fc.assert(law)
  })

  test('never meets one of another generator at the same time', () => {
    const generators = Array.from({ length: 100 }, () => createUuidV7(() => 1_800_000_000_000))
    const ids = generators.flatMap((next) => Array.from({ length: 100 }, next))
    expect(new Set(ids).size).toBe(10_000)
  })
})
