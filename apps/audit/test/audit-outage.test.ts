import { startOwnNats, type OwnNats } from '@memoric/testkit/start-own-nats.ts'
import { startOwnPostgres, type OwnPostgres } from '@memoric/testkit/start-own-postgres.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildAuditDatabase } from './audit-database.ts'
import { auditEnvironment, startAudit } from './audit-environment.ts'
import { denseLog, loggedIds, logSize } from './dense-log.ts'
import { makeEvent } from './make-event.ts'
import { publishEvents } from './publish-events.ts'

let server: OwnPostgres
let nats: OwnNats
let producer: NatsConnection
let audit: Awaited<ReturnType<typeof startAudit>>
const events: OutboxEvent[] = []
const patience = { timeout: 60_000, interval: 100 }

beforeAll(async () => {
  server = await startOwnPostgres()
  nats = await startOwnNats()
  await buildAuditDatabase(server.adminUrl, 'memoric_audit')
  await nats.stop()
  audit = await startAudit(auditEnvironment({ adminUrl: server.url('memoric_audit'), nats }))
})
afterAll(async () => {
  await producer.close()
  await audit.close()
  await Promise.all([nats.remove(), server.remove()])
})

async function withAdmin<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(server.url('memoric_audit'), { max: 1, connect_timeout: 2, onnotice: () => undefined })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

async function publish(count: number): Promise<void> {
  const more = Array.from({ length: count }, () => makeEvent())
  events.push(...more)
  await publishEvents(producer, more)
}

async function expectAllLogged(): Promise<void> {
  await expect.poll(() => withAdmin(logSize), patience).toBe(events.length)
  expect(await withAdmin(denseLog)).toBe(events.length)
  expect(await withAdmin(loggedIds)).toEqual(events.map(({ eventId }) => eventId).toSorted())
  await expect.poll(() => audit.readiness(), patience).toMatchObject({ status: 'ready' })
}

test('starts while NATS is away, is degraded, and goes to work when it comes', async () => {
  expect(await audit.readiness()).toEqual({
    status: 'degraded',
    checks: { database: 'ok', intake: 'ok', nats: 'failed', consumer: 'failed', checkpoints: 'ok' },
  })
  await nats.start()
  await expect.poll(() => audit.readiness(), patience).toMatchObject({ status: 'ready' })
  producer = await connect({ ...nats.login('memory'), maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  await publish(500)
  await expectAllLogged()
}, 90_000)

test('a kill of NATS is survived', async () => {
  await nats.kill()
  await expect.poll(() => audit.readiness(), patience).toMatchObject({ status: 'degraded' })
  await nats.start()
  await expect.poll(() => producer.rtt().catch(() => undefined), patience).toBeDefined()
  await publish(500)
  await expectAllLogged()
}, 90_000)

test('events that come while PostgreSQL is away are logged when it is back', async () => {
  await server.kill()
  await publish(500)
  await expect.poll(() => audit.readiness(), patience).toMatchObject({ checks: { database: 'failed' } })
  await server.start()
  await expectAllLogged()
}, 90_000)

test('a kill of PostgreSQL in the middle of the work loses and doubles nothing', async () => {
  const published = publish(3_000)
  await expect.poll(() => withAdmin(logSize), { ...patience, interval: 5 }).toBeGreaterThan(1_500)
  await server.kill()
  await published
  await server.start()
  await expectAllLogged()
}, 90_000)
