import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { confirmedSubject, EVENT_STREAM } from '@memoric/contracts/subjects.ts'
import { useNats } from '@memoric/testkit/use-nats.ts'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { useAuditDatabase } from './audit-database.ts'
import { auditEnvironment } from './audit-environment.ts'
import { denseLog, loggedIds, logSize } from './dense-log.ts'
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

async function startProcess(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [main], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
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

test('a process killed at a commit leaves nothing lost and nothing double', async () => {
  const events = Array.from({ length: 5_000 }, (_, i) => makeEvent({}, { tenantId: i % 2 === 0 ? TENANT_A : TENANT_B }))
  const victim = await startProcess()
  const manager = await jetstreamManager(producer, { checkAPI: false })
  await expect.poll(() => manager.streams.info(EVENT_STREAM).catch(() => undefined), { timeout: 10_000 }).toBeDefined()
  const published = publishEvents(producer, events)
  while ((await logSize(admin)) === 0) await sleep(1)
  await end(victim, 'SIGKILL')
  await published
  const atTheKill = await denseLog(admin)
  expect(atTheKill).toBeLessThan(5_000)
  const heir = await startProcess()
  await expect.poll(() => logSize(admin), { timeout: 90_000, interval: 250 }).toBe(5_000)
  await expect.poll(() => confirmed.size, { timeout: 60_000, interval: 250 }).toBe(5_000)
  expect(await denseLog(admin)).toBe(5_000)
  expect(await loggedIds(admin)).toEqual(events.map(({ eventId }) => eventId).toSorted())
  expect(await end(heir, 'SIGTERM')).toBe(0)
}, 180_000)

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
