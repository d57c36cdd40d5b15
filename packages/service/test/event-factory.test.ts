import { event as eventSchema, personalData } from '@memoric/contracts/event.ts'
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
