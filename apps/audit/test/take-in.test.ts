import { randomBytes } from 'node:crypto'
import { createSealingKey } from '@memoric/crypto/sealed-box.ts'
import { createClient, type Sql } from '@memoric/postgres/client.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { takeIn, type TakeInDeps } from '../src/log/take-in.ts'
import { createActorKeys } from '../src/personal/actor-keys.ts'
import { appUrl, useAuditDatabase } from './audit-database.ts'
import { denseLog } from './dense-log.ts'
import { makeEvent, personalDataSecret, TENANT_A, TENANT_B } from './make-event.ts'

const database = useAuditDatabase()
let sql: Sql
let admin: postgres.Sql
let deps: TakeInDeps

beforeAll(() => {
  sql = createClient({ url: appUrl(database.adminUrl) })
  admin = postgres(database.adminUrl, { max: 1 })
  deps = {
    sql,
    actorKeys: createActorKeys(createSealingKey(1, randomBytes(32))),
    personalDataKey: createSealingKey(1, personalDataSecret),
    now: Date.now,
  }
})
afterAll(() => Promise.all([sql.end(), admin.end()]))

const deliver = ({ subject, payload }: OutboxEvent) => ({ subject, data: Buffer.from(payload) })

interface Envelope {
  data: object
}

/** The event with other members, under the subject of the original. */
function changed(event: OutboxEvent, change: (envelope: Envelope) => object) {
  const envelope = JSON.parse(event.payload) as Envelope
  return deliver({ ...event, payload: JSON.stringify({ ...envelope, ...change(envelope) }) })
}

test('two appenders with overlapping batches log each event once, without a gap', async () => {
  const events = Array.from({ length: 600 }, (_, i) => makeEvent({}, { tenantId: i % 3 === 0 ? TENANT_B : TENANT_A }))
  const batches = [0, 100, 200, 300, 400].map((start) => events.slice(start, start + 200).map(deliver))
  const outcomes = await Promise.all([...batches, ...batches].map((batch) => takeIn(deps, batch)))
  expect(outcomes.flatMap(({ rejected }) => rejected)).toEqual([])
  expect(outcomes.map(({ logged }) => logged.length)).toEqual(Array.from({ length: 10 }, () => 200))
  expect(await denseLog(admin)).toBe(600)
})

test('an event delivered twice in one batch is logged once', async () => {
  const before = await denseLog(admin)
  const one = deliver(makeEvent())
  expect((await takeIn(deps, [one, one, one])).logged).toHaveLength(3)
  expect(await denseLog(admin)).toBe(before + 1)
})

const POISON: Record<string, () => { subject: string; data: Uint8Array }> = {
  'what is no JSON': () => ({ ...deliver(makeEvent()), data: Buffer.from('{"specversion":') }),
  'what is not UTF-8': () => ({ ...deliver(makeEvent()), data: Buffer.from([0x22, 0xff, 0xfe, 0x22]) }),
  nothing: () => ({ ...deliver(makeEvent()), data: Buffer.alloc(0) }),
  'an oversize event': () =>
    changed(makeEvent(), ({ data }) => ({ data: { ...data, details: { text: 'x'.repeat(40_000) } } })),
  'an unknown type': () => changed(makeEvent(), () => ({ type: 'memory.imagined' })),
  'an unknown field': () => changed(makeEvent(), () => ({ surprise: true })),
  'a NUL in a value': () => changed(makeEvent(), ({ data }) => ({ data: { ...data, reason: 'a\0b' } })),
  'half of a surrogate pair': () => ({
    ...deliver(makeEvent()),
    data: Buffer.from(makeEvent().payload.replace('memory.created', 'memory.created\\ud800')),
  }),
  'the tenant of another subject': () => changed(makeEvent(), () => ({ tenantid: TENANT_B })),
  'the type of another subject': () => changed(makeEvent(), () => ({ type: 'memory.deleted' })),
  'an id that is no UUIDv7': () => changed(makeEvent(), () => ({ id: '0198c0de-0000-4000-8000-00000000000a' })),
  'an id of another time': () => changed(makeEvent(), () => ({ time: '2020-01-01T00:00:00Z' })),
  'a status beyond HTTP': () => deliver(makeEvent({ statusCode: 4_000_000_000 })),
  'personal data of another event': () => changed(makeEvent(), () => ({ id: uuidV7() })),
}

test.each(Object.keys(POISON))('%s is rejected and the rest of the batch is logged', async (name) => {
  const before = await denseLog(admin)
  const poison = POISON[name]!()
  const outcome = await takeIn(deps, [deliver(makeEvent()), poison, deliver(makeEvent())])
  expect(outcome.rejected).toEqual([{ delivery: poison, reason: expect.any(String) }])
  expect(outcome.logged).toHaveLength(2)
  expect(await denseLog(admin)).toBe(before + 2)
})

test('an event that only the database refuses is found among the others', async () => {
  const before = await denseLog(admin)
  await admin`alter table audit_logs add constraint unlucky check (resource_id <> 'unlucky')`
  const unlucky = deliver(makeEvent({ resourceId: 'unlucky' }))
  const batch = [...Array.from({ length: 20 }, () => deliver(makeEvent())), unlucky, deliver(makeEvent())]
  const outcome = await takeIn(deps, batch)
  await admin`alter table audit_logs drop constraint unlucky`
  expect(outcome.rejected).toEqual([{ delivery: unlucky, reason: 'refused by the database: 23514' }])
  expect(await denseLog(admin)).toBe(before + 21)
})

test('an event from a clock ten minutes off is logged', async () => {
  const late = changed(makeEvent(), () => ({ time: new Date(Date.now() - 600_000).toISOString() }))
  expect((await takeIn(deps, [late])).logged).toHaveLength(1)
})

test('personal data cannot be read from the database', async () => {
  await takeIn(deps, [
    deliver(
      makeEvent({ email: 'planted@example.org' }, { clientAddress: '198.51.100.99', userAgent: 'PlantedAgent/2' }),
    ),
  ])
  const tables = ['audit_logs', 'personal_data', 'actor_keys', 'log_state', 'tenant_logs', 'root_key', 'outbox']
  for (const table of tables) {
    const rows = await admin.unsafe<{ line: string }[]>(`select t::text as line from ${table} as t`)
    const dump = rows.map(({ line }) => line).join('\n')
    for (const planted of ['planted@example.org', '198.51.100.99', 'PlantedAgent', '192.0.2.77']) {
      expect(dump, table).not.toContain(planted)
      expect(dump, table).not.toContain(Buffer.from(planted).toString('hex'))
      expect(dump, table).not.toContain(Buffer.from(planted).toString('base64').slice(0, -4))
    }
  }
})

test('an actor whose key was destroyed gets a new one with the next event', async () => {
  const scope = { tenantId: TENANT_A, subjects: '*', namespaces: '*' } as const
  const find = () => admin`select key_id from actor_keys where tenant_id = ${TENANT_A} and actor = 'user:grace'`
  const grace = () => deliver(makeEvent({}, { principal: { type: 'user', id: 'grace' } }))
  await takeIn(deps, [grace()])
  const [first] = await find()
  await tenantTransaction(sql, scope, (tx) => tx`delete from actor_keys where actor = 'user:grace'`)
  await takeIn(deps, [grace()])
  const [second] = await find()
  expect(second).toBeDefined()
  expect(second).not.toEqual(first)
})
