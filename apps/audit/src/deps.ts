import { fileURLToPath } from 'node:url'
import { connectMessaging, type Messaging } from '@memoric/messaging/connect.ts'
import { checkMigrations } from '@memoric/postgres/migration-state.ts'
import { checkRoles } from '@memoric/postgres/check-roles.ts'
import { createClient, type Sql } from '@memoric/postgres/client.ts'
import { type Closer, createCloser } from '@memoric/service/closer.ts'
import { createEventFactory } from '@memoric/service/event-factory.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { AppDeps } from './app.ts'
import type { AuditConfig } from './config.ts'
import { openActorRootKey, personalDataKey } from './keys/audit-keys.ts'
import { type AuditConsumer, consumeEvents } from './log/audit-consumer.ts'
import { ensurePartitions, keepPartitions } from './log/log-partitions.ts'
import { type OwnEvents, relayOwnEvents } from './own-events.ts'
import { type ActorKeys, createActorKeys } from './personal/actor-keys.ts'

export interface AuditDeps extends AppDeps {
  readonly closer: Closer
}

const migrations = fileURLToPath(new URL('../migrations', import.meta.url))

/** Longest time that batches may fail before the service counts as not ready, ms. */
const FAILING_MS = 10_000
const SWEEP_MS = 60_000

/**
 * Opens what the service needs, and starts to take in events. Rejects, with nothing left open, when the database cannot be used as
 * it is; NATS may come later.
 */
export async function createDeps(config: AuditConfig, log: Logger): Promise<AuditDeps> {
  const closer = createCloser(log)
  try {
    return await open(config, log, closer)
  } catch (error) {
    await closer.close()
    throw error
  }
}

async function open(config: AuditConfig, log: Logger, closer: Closer): Promise<AuditDeps> {
  const sql = await openDatabase(config, closer)
  const actorKeys = await openActorKeys(config, sql, closer)
  const partitions = keepPartitions(sql, log)
  closer.defer('partitions', () => {
    partitions.stop()
    return undefined
  })
  const messaging = openMessaging(config, log, closer)
  const own = relayOwnEvents({ sql, messaging, log })
  closer.defer('outbox relay', () => own.close())
  const personal = personalDataKey(config)
  const consumer = consumeEvents({ sql, messaging, actorKeys, personalDataKey: personal, now: Date.now })
  closer.defer('consumer', () => consumer.close())
  return {
    sql,
    log,
    closer,
    actorKeys,
    events: createEventFactory({ app: 'audit', personalDataKey: personal }),
    wakeRelay: own.wake,
    checks: checksOf(sql, messaging, consumer),
    gauges: gaugesOf(own, consumer),
  }
}

async function openDatabase(config: AuditConfig, closer: Closer): Promise<Sql> {
  const sql = createClient({
    url: config.DATABASE_URL,
    max: config.DATABASE_POOL_MAX,
    applicationName: 'memoric-audit',
  })
  closer.defer('database', () => sql.end({ timeout: 5 }))
  await checkMigrations(sql, { directory: migrations })
  await checkRoles(sql, { tablesWithoutRowSecurity: [] })
  await ensurePartitions(sql)
  return sql
}

async function openActorKeys(config: AuditConfig, sql: Sql, closer: Closer): Promise<ActorKeys> {
  const actorKeys = createActorKeys(await openActorRootKey(config, sql))
  const timer = setInterval(() => actorKeys.sweep(), SWEEP_MS)
  closer.defer('actor keys', () => {
    clearInterval(timer)
    actorKeys.clear()
    return undefined
  })
  return actorKeys
}

function openMessaging(config: AuditConfig, log: Logger, closer: Closer): Messaging {
  const { NATS_URL: servers, NATS_USER: user, NATS_PASSWORD: pass } = config
  const messaging = connectMessaging({ servers, user, pass, name: 'memoric-audit', log })
  closer.defer('messaging', () => messaging.close())
  return messaging
}

function checksOf(sql: Sql, messaging: Messaging, consumer: AuditConsumer): AppDeps['checks'] {
  return {
    database: async () => {
      await sql`select 1`
    },
    nats: () => assert(messaging.isHealthy(), 'NATS is away, or refuses something'),
    consumer: () => {
      assert(consumer.isConsuming(), 'no events can arrive')
      assert(consumer.progress.failingForMs() < FAILING_MS, 'events cannot be taken in')
    },
  }
}

function assert(condition: boolean, message: string): void {
  if (!condition) throw new Error(message)
}

function gaugesOf(own: OwnEvents, consumer: AuditConsumer): AppDeps['gauges'] {
  const figures = () => consumer.progress.figures()
  return {
    outbox_depth: { help: 'Events of this app that wait to be published or confirmed', read: own.depth },
    audit_events_logged: {
      help: 'Events that this process took into the log, repeats included',
      read: () => figures().logged,
    },
    audit_dead_letters: { help: 'Messages that this process kept as dead letters', read: () => figures().dead },
    audit_delay_seconds: {
      help: 'Age of the oldest event of the last batch when it was in the log',
      read: () => figures().delayMs / 1000,
    },
  }
}
