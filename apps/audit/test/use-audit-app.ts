import { randomBytes } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import { createSealingKey, type SealingKey } from '@memoric/crypto/sealed-box.ts'
import { createServiceKey, hashServiceKeySecret } from '@memoric/crypto/service-key.ts'
import { createClient, type Sql } from '@memoric/postgres/client.ts'
import { type Closer, createCloser } from '@memoric/service/closer.ts'
import { createEventFactory, type OutboxEvent } from '@memoric/service/event-factory.ts'
import { loadConfig } from '@memoric/service/config.ts'
import { createLogger, type Logger } from '@memoric/service/logger.ts'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
import type { TestDatabase } from '@memoric/testkit/use-database.ts'
import type { FastifyInstance } from 'fastify'
import postgres from 'postgres'
import { afterAll, beforeAll, expect } from 'vitest'
import { buildApp } from '../src/app.ts'
import { type Checkpoints, openCheckpoints } from '../src/checkpoints/open-checkpoints.ts'
import { auditConfig } from '../src/config.ts'
import { type Noticing, openNoticing } from '../src/detections/open-noticing.ts'
import type { Detections } from '../src/detections/notice.ts'
import { createPseudonym } from '../src/keys/audit-keys.ts'
import { takeIn, type TakeInDeps } from '../src/log/take-in.ts'
import { createActorKeys } from '../src/personal/actor-keys.ts'
import { appUrl } from './audit-database.ts'
import { auditEnvironment } from './audit-environment.ts'
import { makeCaller, personalDataSecret } from './make-event.ts'

export interface AuditAppOptions {
  readonly privateNetworks?: boolean
  readonly mailDirectory?: string
  readonly detections?: Detections
  readonly retries?: readonly number[]
  /** Processes that follow the log. */
  readonly followers?: number
  /** Without any, nothing is noticed. */
  readonly now?: () => number
}

export interface Answer<T> {
  readonly status: number
  readonly body: T
  readonly text: string
  readonly headers: Readonly<Record<string, unknown>>
}

/** The audit service without NATS. Its members can be used from `beforeAll` on. */
export interface AuditApp {
  readonly sql: Sql
  /** Sees every row. */
  readonly admin: postgres.Sql
  readonly app: FastifyInstance
  readonly intake: TakeInDeps
  readonly serviceKey: ReturnType<typeof createServiceKey>
  readonly logger: Logger
  /** Seals what belongs to the deliveries of alerts. */
  readonly credentials: SealingKey
  woken(): number
  /** Takes events into the log. */
  log(...events: readonly OutboxEvent[]): Promise<void>
  /** Waits until the detections have looked at everything. */
  noticed(): Promise<void>
  call<T>(method: string, url: string, caller?: Partial<Caller>, body?: object): Promise<Answer<T>>
  /** Events in the outbox of a tenant, oldest first. */
  told(tenantId: string, type: string): Promise<ToldEvent[]>
}

export interface ToldEvent {
  readonly type: string
  readonly actor: string
  readonly data: {
    readonly outcome: string
    readonly resource_id: string | null
    readonly details: Record<string, unknown>
  }
}

export function useAuditApp(database: TestDatabase, options: AuditAppOptions = {}): AuditApp {
  let opened: Omit<AuditApp, 'call' | 'log' | 'noticed' | 'told'> & { noticing: Noticing[]; closer: Closer }
  beforeAll(async () => {
    opened = await open(database.adminUrl, options)
  })
  afterAll(async () => {
    await opened.app.close()
    await opened.closer.close()
    await opened.admin.end()
  })
  return {
    get sql() {
      return opened.sql
    },
    get admin() {
      return opened.admin
    },
    get app() {
      return opened.app
    },
    get intake() {
      return opened.intake
    },
    get serviceKey() {
      return opened.serviceKey
    },
    get logger() {
      return opened.logger
    },
    get credentials() {
      return opened.credentials
    },
    woken: () => opened.woken(),
    async log(...events) {
      const deliveries = events.map(({ subject, payload }) => ({ subject, data: Buffer.from(payload) }))
      expect((await takeIn(opened.intake, deliveries)).rejected).toEqual([])
    },
    async noticed() {
      for (const noticing of opened.noticing) noticing.wake()
      const behind = async () => {
        const [row] = await opened.admin`select size - (select next_index from log_followers) as behind from log_state`
        return Number(row!['behind'])
      }
      await expect.poll(behind, { timeout: 8_000, interval: 20 }).toBe(0)
    },
    async call(method: string, url: string, caller: Partial<Caller> = {}, body?: object) {
      const response = await opened.app.inject({
        method: method as 'GET',
        url,
        headers: callerHeaders(opened.serviceKey, 'audit', makeCaller(caller)),
        ...(body !== undefined && { payload: body }),
      })
      const isJson = String(response.headers['content-type']).includes('json') && !url.includes('/export')
      // What a test expects of it, it says itself.
      const parsed = isJson ? response.json<never>() : (null as never)
      return { status: response.statusCode, body: parsed, text: response.body, headers: response.headers }
    },
    async told(tenantId, type) {
      const rows = await opened.admin<{ payload: string }[]>`
        select payload from outbox where tenant_id = ${tenantId} order by created_at, event_id`
      return rows.map(({ payload }) => JSON.parse(payload) as ToldEvent).filter((event) => event.type === type)
    },
  }
}

async function open(adminUrl: string, options: AuditAppOptions) {
  const logger = createLogger({ app: 'audit', level: 'silent' })
  const closer = createCloser(logger)
  const sql = createClient({ url: appUrl(adminUrl) })
  closer.defer('database', () => sql.end())
  const admin = postgres(adminUrl, { max: 2, onnotice: () => undefined })
  const serviceKey = createServiceKey('gateway')
  const personalDataKey = createSealingKey(1, personalDataSecret)
  const actorKeys = createActorKeys(createSealingKey(1, randomBytes(32)))
  const credentials = createSealingKey(1, randomBytes(32))
  const events = createEventFactory({ app: 'audit', personalDataKey })
  let woken = 0
  const wakeRelay = () => void (woken += 1)
  const nats = { url: 'nats://127.0.0.1:1', password: () => 'unused' }
  const config = loadConfig(auditConfig, auditEnvironment({ adminUrl, nats }))
  const checkpoints: Checkpoints = await openCheckpoints(config, { sql, log: logger, closer, credentials })
  const pseudonym = createPseudonym(randomBytes(32))
  const noticing = Array.from({ length: options.followers ?? 1 }, () =>
    openNoticing(
      {
        PUBLIC_URL: 'https://memoric.example.org',
        OUTBOUND_PRIVATE_NETWORKS: options.privateNetworks ?? false,
        MAIL_FROM: 'Memoric <memoric@example.org>',
        MAIL_DIRECTORY: options.mailDirectory,
      },
      {
        sql,
        log: logger,
        closer,
        keys: { credentials, pseudonym },
        actorKeys,
        events,
        wakeRelay,
        ...(options.detections !== undefined && { detections: options.detections }),
        ...(options.retries !== undefined && { retries: options.retries }),
        ...(options.now !== undefined && { now: options.now }),
      },
    ),
  )
  const intake: TakeInDeps = {
    sql,
    actorKeys,
    personalDataKey,
    now: Date.now,
    onAppended: () => noticing.forEach((one) => one.wake()),
  }
  const app = await buildApp(
    {
      METRICS_TOKEN: 'a-token-for-tests',
      SERVICE_KEY_HASHES: { gateway: [hashServiceKeySecret(serviceKey.secret).toString('hex')] },
    },
    {
      ...noticing[0]!,
      intake,
      sql,
      actorKeys,
      log: logger,
      events,
      wakeRelay,
      checkpoints,
      defaultRetentionDays: null,
      onHoldEnded: () => undefined,
      checks: {},
      lesserChecks: {},
      gauges: noticing[0]!.gauges,
    },
  )
  return { sql, admin, app, intake, serviceKey, logger, credentials, woken: () => woken, noticing, closer }
}
