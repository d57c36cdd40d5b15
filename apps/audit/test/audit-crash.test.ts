import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { confirmedSubject, EVENT_STREAM } from '@memoric/contracts/subjects.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { useNats } from '@memoric/testkit/use-nats.ts'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { useAuditDatabase } from './audit-database.ts'
import { auditEnvironment } from './audit-environment.ts'
import { denseLog } from './dense-log.ts'
import { makeEvent, TENANT_A, TENANT_B } from './make-event.ts'
import { publishEvents } from './publish-events.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

const database = useAuditDatabase()
const nats = useNats()
const children: ChildProcess[] = []
const output: string[] = []
const confirmed = new Set<string>()
let admin: postgres.Sql
let producer: NatsConnection
let environment: Record<string, string>

beforeAll(async () => {
  admin = postgres(database.adminUrl, { max: 1 })
  producer = await connect(nats.login('memory'))
  environment = { ...auditEnvironment({ adminUrl: database.adminUrl, nats }), LOG_LEVEL: 'info' }
  producer.subscribe(confirmedSubject('memory'), {
    callback: (_error, message) => message.json<{ ids: string[] }>().ids.forEach((id) => confirmed.add(id)),
  })
})
afterAll(async () => {
  await Promise.all(children.map((child) => end(child, 'SIGKILL')))
  await producer.close()
  await admin.end()
})

async function startProcess(changes: Record<string, string> = {}): Promise<ChildProcess> {
  const child = spawn(process.execPath, [main], {
    env: { ...environment, ...changes },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  const listening = Promise.withResolvers<undefined>()
  const read = (chunk: Buffer) => {
    output.push(chunk.toString())
    if (chunk.includes('Server listening')) listening.resolve(undefined)
  }
  child.stdout.on('data', read)
  child.stderr.on('data', read)
  child.once('exit', () => listening.reject(new Error(`the process ended:\n${output.join('')}`)))
  await listening.promise
  return child
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const exited = once(child, 'exit') as Promise<[number | null]>
  child.kill(signal)
  return (await exited)[0]
}

/** Lines of what memory tells: the processes tell of themselves too. */
async function ofMemory(): Promise<string[]> {
  const rows = await admin<{ id: string }[]>`
    select event_id as id from audit_logs where source = 'memoric/memory' order by event_id`
  return rows.map(({ id }) => id)
}

test('a process killed at a commit leaves nothing lost and nothing double', async () => {
  const events = Array.from({ length: 5_000 }, (_, i) => makeEvent({}, { tenantId: i % 2 === 0 ? TENANT_A : TENANT_B }))
  const victim = await startProcess()
  const manager = await jetstreamManager(producer, { checkAPI: false })
  await expect.poll(() => manager.streams.info(EVENT_STREAM).catch(() => undefined), { timeout: 10_000 }).toBeDefined()
  const published = publishEvents(producer, events)
  while ((await ofMemory()).length === 0) await sleep(1)
  await end(victim, 'SIGKILL')
  await published
  const atTheKill = (await ofMemory()).length
  await denseLog(admin)
  expect(atTheKill).toBeLessThan(5_000)
  const heir = await startProcess()
  const killed = performance.now()
  await expect.poll(async () => (await ofMemory()).length, { timeout: 90_000, interval: 250 }).toBe(5_000)
  expect(performance.now() - killed).toBeLessThan(20_000)
  await expect.poll(() => confirmed.size, { timeout: 60_000, interval: 250 }).toBe(5_000)
  await denseLog(admin)
  expect(await ofMemory()).toEqual(events.map(({ eventId }) => eventId).toSorted())
  expect(await end(heir, 'SIGTERM')).toBe(0)
}, 180_000)

interface Told {
  readonly operation: string
  readonly details: Record<string, unknown>
}

test('a process tells that it starts and stops, what was migrated, and which variables are others than before', async () => {
  await sleep(5)
  const since = uuidV7()
  const told = () => admin<Told[]>`
    select operation, details from (
      select event_id, operation, details from audit_logs where source = 'memoric/audit'
      union select event_id, payload::jsonb ->> 'type', payload::jsonb -> 'data' -> 'details' from outbox
    ) as tells
    where event_id > ${since} order by event_id`
  const [first] = await admin<Told[]>`select operation, details from audit_logs where operation = 'system.migrated'`
  expect(first?.details['migrations']).toContain('0006_dead_letters')
  const isStarted = async () => (await told()).at(-1)?.operation === 'system.started'
  const same = await startProcess()
  await expect.poll(isStarted, { timeout: 10_000 }).toBe(true)
  await end(same, 'SIGTERM')
  const other = await startProcess({ AUDIT_RETENTION_DAYS: '400', METRICS_TOKEN: 'another-secret-token' })
  await expect.poll(isStarted, { timeout: 10_000 }).toBe(true)
  await end(other, 'SIGTERM')
  const tells = await told()
  expect(tells.map(({ operation }) => operation)).toEqual([
    'system.started',
    'system.stopped',
    'system.configuration_changed',
    'system.started',
    'system.stopped',
  ])
  expect(tells[2]?.details).toEqual({ changed: ['AUDIT_RETENTION_DAYS', 'METRICS_TOKEN'] })
  const [state] = await admin<{ text: string }[]>`select configuration::text as text from system_states`
  expect(state?.text).not.toContain('another-secret-token')
}, 60_000)

test('a process that may not use the database as it is says so and ends', async () => {
  const wrongKek = {
    ...environment,
    MEMORIC_ENCRYPTION_KEY: Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64'),
  }
  const child = spawn(process.execPath, [main], { env: wrongKek, stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  const said: string[] = []
  child.stdout.on('data', (chunk: Buffer) => said.push(chunk.toString()))
  const [code] = (await once(child, 'exit')) as [number]
  expect(code).toBe(1)
  expect(said.join('')).toContain('Start with the key that the database was made with')
})
