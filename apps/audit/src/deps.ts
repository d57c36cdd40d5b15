import { connectMessaging, type Messaging } from '@memoric/messaging/connect.ts'
import { connectOutbox } from '@memoric/messaging/connect-outbox.ts'
import { purgeDeadLetters } from '@memoric/messaging/dead-letters.ts'
import { checkDatabase } from '@memoric/postgres/check-database.ts'
import { createClient, type Sql } from '@memoric/postgres/client.ts'
import { type Closer, openWith } from '@memoric/service/closer.ts'
import { createEventFactory, createPersonalDataKey } from '@memoric/service/event-factory.ts'
import { createOutboxRelay } from '@memoric/postgres/outbox-relay.ts'
import { outboxGauges } from '@memoric/postgres/outbox-gauges.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { AppDeps } from './app.ts'
import type { AuditConfig } from './config.ts'
import { MIGRATIONS_DIRECTORY } from './migrations-directory.ts'
import { openAuditKeys } from './keys/audit-keys.ts'
import { AUDIT_CONSUMER, type AuditConsumer, consumeEvents } from './log/audit-consumer.ts'
import { ensurePartitions, keepPartitions } from './log/log-partitions.ts'
import type { SealingKey } from '@memoric/crypto/sealed-box.ts'
import { keepRetention } from './retention/keep-retention.ts'
import type { Comparison } from './comparison/compare-outboxes.ts'
import { openComparison } from './comparison/open-comparison.ts'
import { openNoticing } from './detections/open-noticing.ts'
import { openCheckpoints } from './checkpoints/open-checkpoints.ts'
import { type ActorKeys, createActorKeys } from './personal/actor-keys.ts'
import { endHeldErasures } from './personal/end-held-erasures.ts'
import { answerErasures } from './personal/erase-person.ts'

export interface AuditDeps extends AppDeps {
  readonly closer: Closer
}

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
  const keys = await openAuditKeys(config, sql)
  const actorKeys = openActorKeys(keys.actors, closer)
  const checkpoints = await openCheckpoints(config, { sql, log, closer, credentials: keys.credentials })
  const partitions = keepPartitions(sql, log)
  closer.defer('partitions', () => partitions.stop())
  const messaging = openMessaging(config, log, closer)
  const relay = connectOutbox(messaging, ['audit'], (publish) => createOutboxRelay({ sql, publish, log }))
  closer.defer('outbox relay', () => relay.close())
  const personal = createPersonalDataKey(config.PERSONAL_DATA_KEY)
  const events = createEventFactory({ app: 'audit', personalDataKey: personal })
  const wakeRelay = () => relay.wake()
  const defaultRetentionDays = config.AUDIT_RETENTION_DAYS ?? null
  const { AUDIT_DEAD_LETTER_DAYS: deadLetterDays } = config
  const { credentials } = keys
  const purge = (digests: readonly Uint8Array[]) => purgeDeadLetters(messaging, AUDIT_CONSUMER, digests)
  const emptying = { sql, credentials, purge }
  const retention = keepRetention({ ...emptying, events, wakeRelay, log, defaultRetentionDays, deadLetterDays })
  closer.defer('retention', () => retention.stop())
  const noticing = openNoticing(config, { sql, log, closer, keys, actorKeys, events, wakeRelay })
  const intake = {
    sql,
    actorKeys,
    personalDataKey: personal,
    now: Date.now,
    onAppended() {
      checkpoints.wake()
      noticing.wake()
    },
  }
  const consumer = consumeEvents({ ...intake, messaging, credentials, events, wakeRelay, deadLetterDays })
  closer.defer('consumer', () => consumer.close())
  const comparison = openComparison({
    sql,
    messaging,
    events,
    wakeRelay,
    log,
    now: Date.now,
    everyMs: config.AUDIT_COMPARISON_SECONDS * 1000,
  })
  closer.defer('comparison', () => comparison.stop())
  const erasing = { ...emptying, messaging, actorKeys, events, wakeRelay, log }
  closer.defer('erasures', answerErasures(erasing))
  const heldErasures = endHeldErasures(erasing)
  closer.defer('held erasures', () => heldErasures.close())
  return {
    sql,
    log,
    closer,
    actorKeys,
    checkpoints,
    defaultRetentionDays,
    onHoldEnded: () => heldErasures.wake(),
    intake,
    ...noticing,
    events,
    wakeRelay,
    checks: checksOf(sql, consumer),
    lesserChecks: {
      nats: () => messaging.isHealthy(),
      consumer: () => consumer.isConsuming(),
      checkpoints: () => !checkpoints.isForked(),
    },
    gauges: {
      ...outboxGauges(relay),
      ...gaugesOf(consumer),
      ...checkpoints.gauges,
      ...noticing.gauges,
      ...differencesOf(comparison),
    },
  }
}

async function openDatabase(config: AuditConfig, closer: Closer): Promise<Sql> {
  const sql = createClient({
    url: config.DATABASE_URL,
    max: config.DATABASE_POOL_MAX,
    applicationName: 'memoric-audit',
  })
  closer.defer('database', () => sql.end({ timeout: 5 }))
  await checkDatabase(sql, { migrations: MIGRATIONS_DIRECTORY })
  await ensurePartitions(sql)
  return sql
}

function openActorKeys(rootKey: SealingKey, closer: Closer): ActorKeys {
  const actorKeys = createActorKeys(rootKey)
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

function differencesOf(comparison: Comparison): AppDeps['gauges'] {
  return {
    memoric_audit_differences: {
      help: 'Hours and tenants of which this process found that the log differs from what an app has counted',
      read: () => comparison.found(),
    },
  }
}
