import type { Caller } from '@memoric/contracts/caller.ts'
import { type MemoricEvent, type PersonalData, personalData } from '@memoric/contracts/event.ts'
import type { EventType } from '@memoric/contracts/event-types.ts'
import { openBox } from '@memoric/crypto/sealed-box.ts'
import { prepareDatabases } from '@memoric/postgres/prepare-database.ts'
import { createPersonalDataKey, personalDataAad } from '@memoric/service/event-factory.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
import { type TestDatabase, useDatabase } from '@memoric/testkit/use-database.ts'
import { type TestNats, useNats } from '@memoric/testkit/use-nats.ts'
import type { FastifyInstance } from 'fastify'
import postgres from 'postgres'
import { afterAll, beforeAll } from 'vitest'
import { buildApp } from '../src/app.ts'
import { createDeps, type Deps, MIGRATIONS_DIRECTORY } from '../src/deps.ts'
import type { Answer, Body } from './answer.ts'
import { gatewayKey, testConfig } from './auth-settings.ts'

const APP_PASSWORD = 'p'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface TestAuth {
  readonly app: FastifyInstance
  readonly deps: Deps
  readonly database: TestDatabase
  readonly nats: TestNats
  /** Sees every row. */
  readonly admin: postgres.Sql
  readonly settings: () => Record<string, string>
  readonly call: (method: Method, path: string, body?: unknown, caller?: Partial<Caller>) => Promise<Answer>
  /** Events of a type, oldest first. */
  readonly events: (type: EventType) => Promise<MemoricEvent[]>
  readonly personalOf: (event: MemoricEvent) => PersonalData
}

/** Auth on a database and a NATS of the test file's own. Its members can be used from `beforeAll` on. */
export function useAuth(overrides: Readonly<Record<string, string>> = {}): TestAuth {
  const database = useDatabase({ name: 'auth', build: buildDatabase })
  const nats = useNats()
  const open: { app?: FastifyInstance; deps?: Deps; admin?: postgres.Sql } = {}
  const opened = <K extends keyof typeof open>(name: K) => open[name] ?? fail()
  const settings = () => ({
    DATABASE_URL: database.url('memoric_auth', APP_PASSWORD),
    NATS_URL: nats.url,
    NATS_USER: 'auth',
    NATS_PASSWORD: nats.password('auth'),
    ...overrides,
  })
  beforeAll(async () => {
    const config = testConfig(settings())
    open.admin = postgres(database.adminUrl, { max: 2, onnotice: () => undefined })
    open.deps = await createDeps(config, createLogger({ app: 'auth', level: config.LOG_LEVEL }))
    open.app = await buildApp(config, open.deps)
  })
  afterAll(async () => {
    await open.app?.close()
    await open.deps?.closer.close()
    await open.admin?.end()
  })
  return {
    get app() {
      return opened('app')
    },
    get deps() {
      return opened('deps')
    },
    get admin() {
      return opened('admin')
    },
    database,
    nats,
    settings,
    call: (...request) => call(opened('app'), ...request),
    events: (type) => readEvents(opened('admin'), type),
    personalOf: (event) => openPersonal(opened('deps'), event),
  }
}

function fail(): never {
  throw new Error('useAuth: the app runs from beforeAll on')
}

async function buildDatabase(adminUrl: string, name: string): Promise<void> {
  const plan = { name, app: 'auth', appPassword: APP_PASSWORD, migrationsDirectory: MIGRATIONS_DIRECTORY }
  await prepareDatabases({ adminUrl, databases: [plan] })
}

export async function call(
  app: FastifyInstance,
  method: Method,
  url: string,
  body?: unknown,
  caller: Partial<Caller> = {},
): Promise<Answer> {
  const headers = { ...callerHeaders(gatewayKey, 'auth', caller), 'content-type': 'application/json' }
  const payload = body === undefined ? {} : { payload: JSON.stringify(body) }
  const answer = await app.inject({ method, url, headers, ...payload })
  const text = answer.body === '' ? 'null' : answer.body
  return { status: answer.statusCode, headers: answer.headers, body: JSON.parse(text) as Body }
}

async function readEvents(admin: postgres.Sql, type: EventType): Promise<MemoricEvent[]> {
  const rows = await admin<{ event: MemoricEvent }[]>`
    select payload::jsonb as event from outbox where payload::jsonb ->> 'type' = ${type} order by event_id`
  return rows.map(({ event }) => event)
}

function openPersonal(deps: Deps, event: MemoricEvent): PersonalData {
  const key = createPersonalDataKey(deps.config.PERSONAL_DATA_KEY)
  const box = Buffer.from(event.data.personal ?? '', 'base64')
  return personalData.parse(JSON.parse(openBox(key, personalDataAad(event.id), box).toString()))
}
