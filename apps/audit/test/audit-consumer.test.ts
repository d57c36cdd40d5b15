import type { AuditLog } from '@memoric/contracts/audit-contract.ts'
import { confirmedSubject, DEAD_LETTER_STREAM, EVENT_STREAM } from '@memoric/contracts/subjects.ts'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
import { useNats } from '@memoric/testkit/use-nats.ts'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AUDIT_CONSUMER } from '../src/log/audit-consumer.ts'
import { useAuditDatabase } from './audit-database.ts'
import { auditEnvironment, serviceKey, startAudit } from './audit-environment.ts'
import { denseLog, loggedIds, logSize } from './dense-log.ts'
import { makeCaller, makeEvent, TENANT_A, TENANT_B } from './make-event.ts'
import { publishEvents } from './publish-events.ts'

const database = useAuditDatabase()
const nats = useNats()
let admin: postgres.Sql
let producer: NatsConnection
let audit: Awaited<ReturnType<typeof startAudit>>
const confirmed = new Set<string>()

beforeAll(async () => {
  admin = postgres(database.adminUrl, { max: 1 })
  audit = await startAudit(auditEnvironment({ adminUrl: database.adminUrl, nats }))
  producer = await connect(nats.login('memory'))
  producer.subscribe(confirmedSubject('memory'), {
    callback: (_error, message) => message.json<{ ids: string[] }>().ids.forEach((id) => confirmed.add(id)),
  })
})
afterAll(async () => {
  await audit.close()
  await producer.close()
  await admin.end()
})

test('the service becomes ready by itself', async () => {
  await expect.poll(() => audit.readiness(), { timeout: 10_000 }).toMatchObject({ status: 'ready' })
})

test('5,000 events, some of them published again and again, are logged once each', async () => {
  const events = Array.from({ length: 5_000 }, (_, i) =>
    makeEvent({}, { tenantId: i % 7 === 0 ? TENANT_B : TENANT_A, principal: { type: 'user', id: `user-${i % 40}` } }),
  )
  const again = [...events.slice(0, 700), ...events.slice(0, 300), ...events.slice(4_900)]
  await publishEvents(producer, [...events, ...again])
  await expect.poll(() => logSize(admin), { timeout: 60_000 }).toBe(5_000)
  expect(await denseLog(admin)).toBe(5_000)
  expect(await loggedIds(admin)).toEqual(events.map(({ eventId }) => eventId).toSorted())
  await expect.poll(() => confirmed.size, { timeout: 10_000 }).toBe(5_000)
}, 90_000)

test('an event that is in the log already is confirmed again', async () => {
  const event = makeEvent()
  await publishEvents(producer, [event])
  await expect.poll(() => confirmed.has(event.eventId)).toBe(true)
  confirmed.delete(event.eventId)
  await publishEvents(producer, [event])
  await expect.poll(() => confirmed.has(event.eventId)).toBe(true)
})

test('poison ends as dead letters with their reasons, and what is around it is logged', async () => {
  const before = await logSize(admin)
  const good = Array.from({ length: 50 }, () => makeEvent())
  const mislabelled = { ...makeEvent(), subject: `memoric.v1.${TENANT_B}.memory.created` }
  const poison = [
    { ...makeEvent(), payload: '{"not json' },
    mislabelled,
    { ...makeEvent(), payload: makeEvent().payload.padEnd(40_000) },
    { ...makeEvent(), payload: makeEvent().payload.replace('"memory.created"', '"memory.imagined"') },
  ]
  await publishEvents(producer, [...good.slice(0, 25), ...poison, ...good.slice(25)])
  await expect.poll(() => logSize(admin), { timeout: 10_000 }).toBe(before + 50)
  const reader = await connect(nats.login('admin'))
  const manager = await jetstreamManager(reader)
  const stored = async () => (await manager.streams.info(DEAD_LETTER_STREAM)).state.messages
  await expect.poll(stored, { timeout: 10_000 }).toBe(4)
  const consumer = await jetstream(reader).consumers.get(DEAD_LETTER_STREAM)
  const letters: (string | undefined)[][] = []
  for await (const message of await consumer.fetch({ max_messages: 4 })) {
    letters.push([message.headers?.get('Memoric-Reason'), message.headers?.get('Memoric-Subject')])
  }
  expect(letters).toContainEqual(['subject is not that of the event', mislabelled.subject])
  expect(letters.map(([reason]) => reason).toSorted()).toEqual([
    'larger than 32768 bytes',
    'not valid: type',
    'subject is not that of the event',
    'the body does not parse as JSON',
  ])
  const settled = async () => (await manager.consumers.info(EVENT_STREAM, AUDIT_CONSUMER)).num_ack_pending
  await expect.poll(settled, { timeout: 10_000 }).toBe(0)
  await expect.poll(() => confirmed.has(mislabelled.eventId), { timeout: 10_000 }).toBe(true)
  await reader.close()
  await denseLog(admin)
})

test('that the log was read is in the log a moment later, and leaves the outbox', async () => {
  const read = () =>
    audit.app.inject({
      url: '/v1/audit/logs?operation=audit.read',
      headers: callerHeaders(serviceKey, 'audit', makeCaller({ principal: { type: 'user', id: 'reader' } })),
    })
  const { items } = (await read()).json<{ items: AuditLog[] }>()
  expect(items).toEqual([])
  const newest = async () => (await read()).json<{ items: AuditLog[] }>().items.at(-1)
  await expect.poll(newest, { timeout: 10_000 }).toMatchObject({
    source: 'memoric/audit',
    actor_id: 'reader',
    ip_address: '192.0.2.77',
    details: { filters: ['operation'], returned: 0 },
  })
  const waiting = async () => (await admin`select 1 from outbox`).length
  await expect.poll(waiting, { timeout: 10_000 }).toBe(0)
})

test('the gateway cannot take messages from the consumer of the log', async () => {
  const gateway = await connect(nats.login('gateway'))
  const subject = `$JS.API.CONSUMER.MSG.NEXT.${EVENT_STREAM}.${AUDIT_CONSUMER}`
  await expect(gateway.request(subject, '', { timeout: 500 })).rejects.toThrow(/ermission/)
  await gateway.close()
})
