import { randomUUID } from 'node:crypto'
import { createEventFactory, type OutboxEvent } from '@memoric/service/event-factory.ts'
import { createSealingKey } from '@memoric/crypto/sealed-box.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { CountAnswer } from '@memoric/contracts/signals.ts'
import type { EventId, TenantId } from '@memoric/contracts/ids.ts'
import { beforeEach, describe, expect, test } from 'vitest'
import { type Comparison, createComparison } from '../src/comparison/compare-outboxes.ts'
import { useAuditDatabase } from './audit-database.ts'
import { makeEvent, personalDataSecret } from './make-event.ts'
import { useAuditApp } from './use-audit-app.ts'

const audit = useAuditApp(useAuditDatabase())
const HOUR = 3_600_000
let tenantId: TenantId
let hour: number
let now: number
let counts: CountAnswer['counts']
let waiting: number

/** An hour of its own for each test, some days ago. */
let next = Math.floor(Date.now() / HOUR) - 200
beforeEach(() => {
  hour = next
  next += 1
  tenantId = randomUUID() as TenantId
  now = (hour + 1) * HOUR + 11 * 60_000
  counts = []
  waiting = 0
})

/** An event whose id is of the hour. */
function eventOf(minute: number): OutboxEvent {
  const at = hour * HOUR + minute * 60_000
  const id = uuidV7()
  const time = at.toString(16).padStart(12, '0')
  const happened = { id: `${time.slice(0, 8)}-${time.slice(8)}${id.slice(13)}` as EventId, at }
  return makeEvent({ happened }, { tenantId })
}

function count(events: readonly OutboxEvent[]): void {
  const idSum = events.reduce((sum, { eventId }) => sum + BigInt(`0x${eventId.slice(24)}`), 0n)
  counts = [{ tenantId, events: events.length, idSum: `${idSum}` }]
}

function comparison(): Comparison {
  const events = createEventFactory({ app: 'audit', personalDataKey: createSealingKey(1, personalDataSecret) })
  const ask = ({ hour: asked }: { hour: number }) =>
    Promise.resolve({ since: hour - 1, waiting, counts: asked === hour ? counts : [] })
  return createComparison({
    sql: audit.sql,
    apps: [{ app: `memory-${hour}`, sources: ['memoric/memory'], ask }],
    events,
    wakeRelay: () => undefined,
    log: audit.logger,
    now: () => now,
  })
}

async function compared(): Promise<unknown> {
  const [row] = await audit.admin`select differences from compared_hours where app = ${`memory-${hour}`}`
  return row?.['differences']
}

const found = async () => (await audit.told(tenantId, 'audit.difference_found')).map(({ data }) => data)

describe('an hour of the log', () => {
  test('that has what the app has counted is compared once, and nothing is told', async () => {
    const events = [1, 20, 59].map(eventOf)
    await audit.log(...events)
    count(events)
    const one = comparison()
    await one.run()
    await one.run()
    one.stop()
    expect(await compared()).toBe(0)
    expect(await found()).toEqual([])
  })

  test.each([
    ['events_missing', 1, 2],
    ['events_unknown', 2, 1],
    ['events_missing', 0, 1],
  ])('is told of when it has other events: %s', async (reason, logged, counted) => {
    const events = [3, 4].map(eventOf)
    await audit.log(...events.slice(0, logged))
    count(events.slice(0, counted))
    const one = comparison()
    await one.run()
    expect(await found()).toEqual([])
    await one.run()
    await one.run()
    one.stop()
    const app = `memory-${hour}`
    const details = { app, hour: new Date(hour * HOUR).toISOString(), counted, logged }
    expect(await found()).toMatchObject([{ outcome: 'failure', reason, details }])
    expect(one.found()).toBe(1)
  })

  test('is told of when as many events are others', async () => {
    const [kept, replaced] = [eventOf(5), eventOf(6)]
    await audit.log(kept)
    count([replaced])
    const one = comparison()
    await one.run()
    await one.run()
    one.stop()
    expect(await found()).toMatchObject([{ reason: 'other_events' }])
  })

  test('is told of by one of several processes', async () => {
    count([eventOf(7)])
    const all = [comparison(), comparison()]
    for (let turn = 0; turn < 2; turn += 1) await Promise.all(all.map((one) => one.run()))
    for (const one of all) one.stop()
    expect(await found()).toHaveLength(1)
  })

  test('is left for later while events are on their way, or it is not over for ten minutes', async () => {
    count([eventOf(8)])
    waiting = 1
    const one = comparison()
    await one.run()
    await one.run()
    expect(await compared()).toBeUndefined()
    waiting = 0
    now = (hour + 1) * HOUR + 9 * 60_000
    await one.run()
    await one.run()
    one.stop()
    expect(await compared()).toBeUndefined()
  })

  test('may have events that are kept as dead letters', async () => {
    const event = eventOf(9)
    count([event])
    await audit.admin`
      insert into dead_letters (id, tenant_id, event_id, app, subject, reason, bytes, digest, sealed)
      values (${uuidV7()}, ${tenantId}, ${event.eventId}, 'memory', 's', 'r', 1, ${Buffer.alloc(32, hour % 256)}, '')`
    const one = comparison()
    await one.run()
    one.stop()
    expect(await compared()).toBe(0)
  })

  test('in which two differ raises an alarm', async () => {
    const { severityOf } = await import('@memoric/contracts/event-types.ts')
    const { DETECTIONS } = await import('@memoric/contracts/detections.ts')
    expect(severityOf('audit.difference_found')).toBe('critical')
    expect(DETECTIONS.log_fault.pattern.of.flatMap(({ on }) => on)).toContain('audit.difference_found')
  })
})
