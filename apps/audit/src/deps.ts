import { fileURLToPath } from 'node:url'
import { connectMessaging, type Messaging } from '@memoric/messaging/connect.ts'
import { connectOutbox } from '@memoric/messaging/connect-outbox.ts'
import { checkDatabase } from '@memoric/postgres/check-database.ts'
import { createClient, type Sql } from '@memoric/postgres/client.ts'
import { type Closer, openWith } from '@memoric/service/closer.ts'
import { createEventFactory, createPersonalDataKey } from '@memoric/service/event-factory.ts'
import { createOutboxRelay } from '@memoric/postgres/outbox-relay.ts'
import { outboxGauges } from '@memoric/postgres/outbox-gauges.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { AppDeps } from './app.ts'
import type { AuditConfig } from './config.ts'
import { openActorRootKey } from './keys/audit-keys.ts'
import { type AuditConsumer, consumeEvents } from './log/audit-consumer.ts'
import { ensurePartitions, keepPartitions } from './log/log-partitions.ts'
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
export function createDeps(config: AuditConfig, log: Logger): Promise<AuditDeps> {
  return openWith(log, (closer) => open(config, log, closer))
}

async function open(config: AuditConfig, log: Logger, closer: Closer): Promise<AuditDeps> {
  const sql = await openDatabase(config, closer)
  const actorKeys = await openActorKeys(config, sql, closer)
  const partitions = keepPartitions(sql, log)
  closer.defer('partitions', () => partitions.stop())
  const messaging = openMessaging(config, log, closer)
  const relay = connectOutbox(messaging, ['audit'], (publish) => createOutboxRelay({ sql, publish, log }))
  closer.defer('outbox relay', () => relay.close())
  const personal = createPersonalDataKey(config.PERSONAL_DATA_KEY)
  const consumer = consumeEvents({ sql, messaging, actorKeys, personalDataKey: personal, now: Date.now })
  closer.defer('consumer', () => consumer.close())
  return {
    sql,
    log,
    closer,
    actorKeys,
    events: createEventFactory({ app: 'audit', personalDataKey: personal }),
    wakeRelay: () => relay.wake(),
    checks: checksOf(sql, consumer),
    lesserChecks: { nats: () => messaging.isHealthy(), consumer: () => consumer.isConsuming() },
    gauges: { ...outboxGauges(relay), ...gaugesOf(consumer) },
  }
}

async function openDatabase(config: AuditConfig, closer: Closer): Promise<Sql> {
  const sql = createClient({
    url: config.DATABASE_URL,
    max: config.DATABASE_POOL_MAX,
    applicationName: 'memoric-audit',
  })
  closer.defer('database', () => sql.end({ timeout: 5 }))
  await checkDatabase(sql, { migrations })
  await ensurePartitions(sql)
  return sql
}

async function openActorKeys(config: AuditConfig, sql: Sql, closer: Closer): Promise<ActorKeys> {
  const actorKeys = createActorKeys(await openActorRootKey(config, sql))
  const timer = setInterval(() => actorKeys.sweep(), SWEEP_MS)
  closer.defer('actor keys', () => {
    clearInterval(timer)
    actorKeys.clear()
  })
  return actorKeys
}

function openMessaging(config: AuditConfig, log: Logger, closer: Closer): Messaging {
  const { NATS_URL: servers, NATS_USER: user, NATS_PASSWORD: pass } = config
  const messaging = connectMessaging({ servers, user, pass, name: 'memoric-audit', log })
  closer.defer('messaging', () => messaging.close())
  return messaging
}

function checksOf(sql: Sql, { progress }: AuditConsumer): AppDeps['checks'] {
  return { database: () => sql`select 1`, intake: () => progress.failingForMs() < FAILING_MS }
}

function gaugesOf({ progress }: AuditConsumer): AppDeps['gauges'] {
  return {
    memoric_audit_events_logged: {
      help: 'Events that this process took into the log, repeats included',
      read: () => progress.figures().logged,
    },
    memoric_audit_dead_letters: {
      help: 'Messages that this process kept as dead letters',
      read: () => progress.figures().dead,
    },
    memoric_audit_delay_seconds: {
      help: 'Age of the oldest event of the last batch when it was in the log',
      read: () => progress.figures().delayMs / 1000,
    },
  }
}
