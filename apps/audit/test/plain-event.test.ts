import { event as contract, type MemoricEvent, personalData } from '@memoric/contracts/event.ts'
import { EVENT_TYPES } from '@memoric/contracts/event-types.ts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isPlainEvent, isPlainPersonal } from '../src/log/plain-event.ts'
import { makeEvent } from './make-event.ts'

const written = (): MemoricEvent => JSON.parse(makeEvent().payload) as MemoricEvent

test('takes every event as the apps write them', () => {
  for (const type of Object.keys(EVENT_TYPES)) {
    const event = { ...written(), type }
    expect(isPlainEvent(event), type).toBe(true)
    expect(contract.parse(event)).toEqual(event)
  }
  expect(isPlainEvent({ ...written(), subject: 'a'.repeat(384), traceparent: 't' })).toBe(true)
})

/** Values of which some are right at some place, and others just beyond. */
const anything = fc.oneof(
  fc.constantFrom<unknown>(null, true, -1, 0.5, 201, 2 ** 53, Infinity, '', 'success', 'user:x', '1.0', [], {}, [1]),
  fc
    .constantFrom(15, 16, 17, 64, 65, 128, 129, 256, 257, 384, 385, 512, 513, 8192, 8193)
    .map((size) => 'x'.repeat(size)),
  fc.constantFrom(
    '2026-02-30T00:00:00.000Z',
    '2026-02-28T00:00:00.000Z',
    '2026-02-28T00:00:00Z',
    '2026-02-28T24:00:00.000Z',
  ),
  fc.constantFrom('memory.created', 'memory.imagined', 'toString', 'memoric/auth', 'memoric/Auth', 'memoric/a\n'),
  fc.uuid({ version: 7 }),
  fc.uuid({ version: 7 }).map((id) => id.toUpperCase()),
  fc.constantFrom<unknown>({ a: [Infinity] }, { a: { b: null } }, { a: { b: [1, 'x', { c: NaN }] } }),
)

test('takes nothing that the contract refuses', () => {
  const [envelope, data] = [Object.keys(written()), Object.keys(written().data)]
  const place = fc.constantFrom(...[...envelope, 'subject', 'traceparent', 'surprise'].map((name) => [name]))
  const within = fc.constantFrom(...[...data, 'surprise'].map((name) => ['data', name]))
  const change = fc.record({ at: fc.oneof(place, within), value: fc.oneof(anything, fc.constant(undefined)) })
  let taken = 0
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 2 }), (changes) => {
      const event = changes.reduce<object>((before, { at, value }) => changedAt(before, at, value), written())
      if (!isPlainEvent(event)) return
      taken += 1
      expect(contract.parse(event)).toEqual(event)
    }),
    { numRuns: 5000 },
  )
  expect(taken).toBeGreaterThan(100)
})

test('takes personal data as its contract does', () => {
  const member = fc.constantFrom<unknown>(null, '', 'x', 1, {}, undefined)
  const value = fc.record({
    ip_address: member,
    user_agent: member,
    email: member,
    more: fc.constantFrom(undefined, 1),
  })
  fc.assert(
    fc.property(value, (made) => {
      const personal: unknown = JSON.parse(JSON.stringify(made))
      expect(isPlainPersonal(personal)).toBe(personalData.safeParse(personal).success)
    }),
  )
})

/** With another value there; `undefined` takes the member away, as JSON would. */
function changedAt(target: object, [name = '', ...rest]: readonly string[], value: unknown): object {
  const members = new Map<string, unknown>(Object.entries(target))
  const inner = members.get(name)
  if (rest.length > 0 && (typeof inner !== 'object' || inner === null)) return target
  const next = rest.length > 0 ? changedAt(inner as object, rest, value) : value
  if (next === undefined) members.delete(name)
  else members.set(name, next)
  return Object.fromEntries(members)
}
