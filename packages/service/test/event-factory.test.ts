import { event as eventSchema, MAX_EVENT_BYTES, personalData } from '@memoric/contracts/event.ts'
import { EVENT_TYPES, type EventType } from '@memoric/contracts/event-types.ts'
import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import { createSealingKey, openBox } from '@memoric/crypto/sealed-box.ts'
import { describe, expect, test } from 'vitest'
import { createEventFactory, personalDataAad, type EventInput } from '../src/event-factory.ts'
import { testCaller } from './test-caller.ts'

const personalDataKey = createSealingKey(1, Buffer.alloc(32, 'k'))
const makeEvent = createEventFactory({ app: 'memory', personalDataKey, now: () => 1_800_000_000_000 })
const caller = testCaller()

function input(changes: Partial<EventInput> = {}): EventInput {
  const context = { caller, endpoint: '/v1/memories', method: 'POST', startedAt: performance.now() }
  return { type: 'memory.created', context, resourceId: 'memory-1', statusCode: 201, ...changes }
}

function personalBox(payload: string): Buffer {
  return Buffer.from(eventSchema.parse(JSON.parse(payload)).data.personal ?? '', 'base64')
}

describe('an event', () => {
  test.each(Object.keys(EVENT_TYPES) as EventType[])('%s keeps the contract', (type) => {
    const { payload, eventId, subject, tenantId } = makeEvent(input({ type }))
    const event = eventSchema.parse(JSON.parse(payload))
    expect(event).toMatchObject({ id: eventId, type, tenantid: tenantId, source: 'memoric/memory' })
    expect(event.subject).toBe(
      event.data.resource_id === null ? undefined : `${event.data.resource_type}/${event.data.resource_id}`,
    )
    expect(event.data.resource_type).toBe(EVENT_TYPES[type].resource)
    expect(subject).toBe(`memoric.v1.${tenantId}.${type}`)
  })

  test('tells who did what, when, where and how it went', () => {
    const details = { seq: 7 }
    const { payload } = makeEvent(input({ outcome: 'denied', reason: 'permission_denied', statusCode: 403, details }))
    const event = eventSchema.parse(JSON.parse(payload))
    expect(event).toMatchObject({
      time: '2027-01-15T08:00:00.000Z',
      actor: `api_key:${caller.principal.id}`,
      tenantid: caller.tenantId,
      data: {
        resource_id: 'memory-1',
        outcome: 'denied',
        reason: 'permission_denied',
        request_id: caller.requestId,
        endpoint: '/v1/memories',
        method: 'POST',
        status_code: 403,
        details,
      },
    })
    expect(event.data.duration_ms).toBeGreaterThanOrEqual(0)
  })

  test('carries the reason that the caller states, beside one of its own', () => {
    const context = { ...input().context, caller: { ...caller, reason: 'ticket 4711' } }
    const dataOf = (changes: Partial<EventInput>) =>
      eventSchema.parse(JSON.parse(makeEvent(input(changes)).payload)).data
    expect(dataOf({ context })).toMatchObject({ reason: 'ticket 4711', details: {} })
    expect(dataOf({ context, reason: 'expired' })).toMatchObject({
      reason: 'expired',
      details: { stated_reason: 'ticket 4711' },
    })
  })

  test('belongs to the trace of the caller, or to one that its request id names', () => {
    const traceOf = (more: object) => {
      const context = { ...input().context, caller: { ...caller, ...more } }
      return eventSchema.parse(JSON.parse(makeEvent(input({ context })).payload)).traceparent
    }
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    expect(traceOf({ traceparent: trace })).toBe(trace)
    expect(traceOf({ requestId: '01a1ffa7-5908-7000-800a-1f093aecc15c' })).toBe(
      '00-01a1ffa759087000800a1f093aecc15c-800a1f093aecc15c-00',
    )
  })

  test('that would be too large tells the size and the hash of its details in their place', () => {
    const { payload } = makeEvent(input({ details: { text: 'ü'.repeat(20_000) } }))
    expect(Buffer.byteLength(payload)).toBeLessThan(MAX_EVENT_BYTES)
    expect(eventSchema.parse(JSON.parse(payload)).data.details).toEqual({
      truncated: true,
      bytes: 40_011,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    })
  })

  test('may belong to another tenant and actor than the caller', () => {
    const made = makeEvent(input({ type: 'auth.login.failed', tenantId: PLATFORM_TENANT, actor: 'anonymous:unknown' }))
    expect(made.tenantId).toBe(PLATFORM_TENANT)
    expect(JSON.parse(made.payload)).toMatchObject({ tenantid: PLATFORM_TENANT, actor: 'anonymous:unknown' })
  })

  test('has an id of its own that ascends', () => {
    const ids = Array.from({ length: 1000 }, () => makeEvent(input()).eventId)
    expect(new Set(ids).size).toBe(1000)
    expect([...ids].sort()).toEqual(ids)
  })

  test('shows nothing personal in its payload', () => {
    const { payload } = makeEvent(input({ email: 'ann@example.com' }))
    for (const secret of ['203.0.113.9', 'planted-agent', 'ann@example.com']) {
      expect(payload).not.toContain(secret)
      expect(payload).not.toContain(Buffer.from(secret).toString('base64').slice(0, 12))
    }
  })

  test('carries its personal data sealed, to be opened for its id', () => {
    const { payload, eventId } = makeEvent(input({ email: 'ann@example.com' }))
    const opened = openBox(personalDataKey, personalDataAad(eventId), personalBox(payload))
    expect(personalData.parse(JSON.parse(opened.toString()))).toEqual({
      ip_address: '203.0.113.9',
      user_agent: 'planted-agent/1.0',
      email: 'ann@example.com',
    })
  })

  test('does not open its personal data for another id or with another key', () => {
    const { payload, eventId } = makeEvent(input())
    const other = makeEvent(input())
    expect(() => openBox(personalDataKey, personalDataAad(other.eventId), personalBox(payload))).toThrow()
    const otherKey = createSealingKey(1, Buffer.alloc(32, 'x'))
    expect(() => openBox(otherKey, personalDataAad(eventId), personalBox(payload))).toThrow()
  })

  test('keeps the contract when the user agent is as long as a header can be', () => {
    const long = testCaller({ userAgent: 'é'.repeat(8000) })
    const { payload } = makeEvent(input({ context: { ...input().context, caller: long }, email: 'x'.repeat(254) }))
    expect(eventSchema.safeParse(JSON.parse(payload)).error).toBeUndefined()
  })
})
