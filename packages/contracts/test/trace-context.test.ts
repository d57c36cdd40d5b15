import { describe, expect, test } from 'vitest'
import { statedReason } from '../src/stated-reason.ts'
import { readTraceparent, traceIdOf, traceparentOf } from '../src/trace-context.ts'

const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const parent = '00f067aa0ba902b7'

describe('traceparent', () => {
  test.each([
    [`00-${trace}-${parent}-01`, `00-${trace}-${parent}-01`],
    [`01-${trace}-${parent}-00-what-is-to-come`, `00-${trace}-${parent}-00`],
  ])('%s is read', (header, read) => expect(readTraceparent(header)).toBe(read))

  test.each([
    '',
    `00-${trace}-${parent}`,
    `00-${trace}-${parent}-01-more`,
    `ff-${trace}-${parent}-01`,
    `00-${'0'.repeat(32)}-${parent}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${parent}-01`,
    `00-${trace}-${parent}-01, 00-${trace}-${parent}-01`,
    `01-${trace}-${parent}-00-${'x'.repeat(300)}`,
  ])('%s is ignored', (header) => expect(readTraceparent(header)).toBeUndefined())

  test('of a request is its id', () => {
    const made = traceparentOf('01a1ffa7-5908-7000-800a-1f093aecc15c') ?? ''
    expect(readTraceparent(made)).toBe(made)
    expect(traceIdOf(made)).toBe('01a1ffa759087000800a1f093aecc15c')
    expect(traceparentOf('request-1')).toBeUndefined()
  })
})

describe('a stated reason', () => {
  test.each(['ticket 4711', 'größer', 'x'.repeat(256)])('may be %j', (reason) => {
    expect(statedReason.parse(reason)).toBe(reason)
  })

  test.each(['', '   ', 'x'.repeat(257), 'a\nb', 'a\u0000', 'a\u2028b', '\ufffd'])('may not be %j', (reason) => {
    expect(statedReason.safeParse(reason).success).toBe(false)
  })
})
