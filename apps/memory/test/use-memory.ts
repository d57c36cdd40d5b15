import { randomUUID } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import type { MemoricEvent } from '@memoric/contracts/event.ts'
import { tenantId } from '@memoric/contracts/ids.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import { PERMISSIONS } from '@memoric/contracts/permissions.ts'
import type { SearchAnswer } from '@memoric/contracts/search-contract.ts'
import { prepareDatabases } from '@memoric/postgres/prepare-database.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
import { useDatabase, type TestDatabase } from '@memoric/testkit/use-database.ts'
import { useNats, type TestNats } from '@memoric/testkit/use-nats.ts'
import type { FastifyInstance } from 'fastify'
import postgres from 'postgres'
import { afterAll, beforeAll } from 'vitest'
import { buildApp } from '../src/app.ts'
import { createDeps, MIGRATIONS, type RunningDeps } from '../src/deps.ts'
import { gatewayKey, testConfig } from './memory-settings.ts'

const APP_PASSWORD = 'p'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** An answer; `body` is whatever JSON came, for a test to look into. */
export interface Answer<B = Memory> {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: B
}

export interface ProblemBody {
  readonly code: string
  readonly detail?: string
  readonly errors?: readonly { pointer: string; message: string }[]
}

export interface TestMemory {
  readonly app: FastifyInstance
  readonly deps: RunningDeps
  readonly database: TestDatabase
  readonly nats: TestNats
  /** Sees every row. */
  readonly admin: postgres.Sql
  readonly settings: () => Record<string, string>
  /** Another process of the service on the same database; the test file closes it. */
  readonly startAnother: (overrides?: Record<string, string>) => Promise<TestProcess>
  readonly events: (type: string) => Promise<MemoricEvent[]>
}

export interface TestProcess {
  readonly app: FastifyInstance
  readonly deps: RunningDeps
}

/** The memory service on a database and a NATS of the test file's own. Its members can be used from `beforeAll` on. */
export function useMemory(overrides: Readonly<Record<string, string>> = {}): TestMemory {
  const database = useDatabase({ name: 'memory', build: buildDatabase })
  const nats = useNats()
  const processes: TestProcess[] = []
  const connections: postgres.Sql[] = []
  const settings = () => ({
    DATABASE_URL: database.url('memoric_memory', APP_PASSWORD),
    NATS_URL: nats.url,
    NATS_USER: 'memory',
    NATS_PASSWORD: nats.password('memory'),
    ...overrides,
  })
  const startAnother = async (more: Record<string, string> = {}): Promise<TestProcess> => {
    const started = await startProcess({ ...settings(), ...more })
    processes.push(started)
    return started
  }
  beforeAll(async () => {
    connections.push(postgres(database.adminUrl, { max: 2, onnotice: () => undefined }))
    await startAnother()
  })
  afterAll(async () => {
    for (const { app, deps } of processes) {
      await app.close()
      await deps.closer.close()
    }
    for (const sql of connections) await sql.end()
  })
  return {
    get app() {
      return processes[0]!.app
    },
    get deps() {
      return processes[0]!.deps
    },
    get admin() {
      return connections[0]!
    },
    database,
    nats,
    settings,
    startAnother,
    events: (type) => readEvents(connections[0]!, type),
  }
}

async function startProcess(settings: Record<string, string>): Promise<TestProcess> {
  const config = testConfig(settings)
  const deps = await createDeps(config, createLogger({ app: 'memory', level: config.LOG_LEVEL }))
  return { app: await buildApp(config, deps), deps }
}

async function buildDatabase(adminUrl: string, name: string): Promise<void> {
  const plan = { name, app: 'memory', appPassword: APP_PASSWORD, migrationsDirectory: MIGRATIONS }
  await prepareDatabases({ adminUrl, databases: [plan] })
}

async function readEvents(admin: postgres.Sql, type: string): Promise<MemoricEvent[]> {
  const rows = await admin<{ event: MemoricEvent }[]>`
    select payload::jsonb as event from outbox where payload::jsonb ->> 'type' = ${type} order by event_id`
  return rows.map(({ event }) => event)
}

/** A caller that may do everything in a tenant of its own. */
export function newCaller(limits: Partial<Caller> = {}): Caller {
  return {
    tenantId: tenantId.parse(randomUUID()),
    principal: { type: 'api_key', id: randomUUID() },
    sessionId: null,
    permissions: [...PERMISSIONS],
    subjects: '*',
    namespaces: '*',
    requestId: randomUUID(),
    clientAddress: '192.0.2.7',
    userAgent: 'a test',
    ...limits,
  }
}

/** Calls the service as the gateway does. */
export async function call<B = Memory>(
  app: FastifyInstance,
  caller: Caller,
  method: Method,
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer<B>> {
  const answer = await app.inject({
    method,
    url,
    headers: { ...callerHeaders(gatewayKey, 'memory', caller), 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { payload: JSON.stringify(body) }),
  })
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: JSON.parse(answer.body === '' ? 'null' : answer.body) as B,
  }
}

export function remember(app: FastifyInstance, caller: Caller, body: object): Promise<Answer> {
  return call(app, caller, 'POST', '/v1/memories', body)
}

export function search(app: FastifyInstance, caller: Caller, body: object): Promise<Answer<SearchAnswer>> {
  return call<SearchAnswer>(app, caller, 'POST', '/v1/memories/search', body)
}

export function contents({ body }: Answer<SearchAnswer>): string[] {
  return body.results.map(({ memory }) => memory.content)
}
