import { fileURLToPath } from 'node:url'
import { connectMessaging, type Messaging } from '@memoric/messaging/connect.ts'
import { answerCounts } from '@memoric/messaging/answer-counts.ts'
import { connectOutbox } from '@memoric/messaging/connect-outbox.ts'
import { checkDatabase } from '@memoric/postgres/check-database.ts'
import { createClient } from '@memoric/postgres/client.ts'
import { countedHour } from '@memoric/postgres/outbox-counts.ts'
import { createOutboxRelay } from '@memoric/postgres/outbox-relay.ts'
import { openWith, type Closer } from '@memoric/service/closer.ts'
import { createEventFactory, createPersonalDataKey } from '@memoric/service/event-factory.ts'
import { openKeyEncryption } from '@memoric/service/key-encryption/open-key-encryption.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { MemoryConfig } from './config.ts'
import { createEnricher } from './enrichment/enricher.ts'
import { withEnrichment } from './enrichment/with-enrichment.ts'
import { openEmbeddings } from './embeddings/open-embeddings.ts'
import { withEmbeddings } from './embeddings/with-embeddings.ts'
import { createExportWorker } from './exports/export-worker.ts'
import { createExpiry } from './expiry/expiry.ts'
import { createIdempotency } from './idempotency/idempotency.ts'
import { checkEncryptionKey } from './keys/check-encryption-key.ts'
import { rewrapInBackground, type Rewrapping } from './keys/rewrap-tenant-keys.ts'
import { createRotationWorker } from './keys/rotation-worker.ts'
import { createKeyStore } from './keys/subject-keys.ts'
import type { MemoryDeps } from './memory-deps.ts'
import { createTurns } from './memories/turns.ts'
import { createWriteQueue } from './memories/write-queue.ts'
import { quotaDefaults } from './quotas/quota-defaults.ts'
import { createTenantUsages } from './quotas/tenant-usage.ts'
import { createPolicies } from './policies/policies.ts'
import { createPolicyRuns } from './policies/policy-runs.ts'
import { createAskLog } from './privacy/ask-log.ts'
import { createErasureWorker } from './privacy/erasure-worker.ts'
import { createForgetting } from './privacy/forgetting.ts'
import { createReceiptKeys } from './privacy/receipt-keys.ts'
import { createReadEvents } from './reads/read-events.ts'
import { createIndexCache } from './search/index-cache.ts'
import { openTextModel } from './text-work/open-text-model.ts'
import { createUses } from './uses/uses.ts'

export interface RunningDeps extends MemoryDeps {
  readonly rewrapping: Rewrapping
  readonly messaging: Messaging
  readonly closer: Closer
}

export const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url))

/** Opens everything that the service needs. Throws when the database does not fit or keys are missing. */
export function createDeps(config: MemoryConfig, log: Logger): Promise<RunningDeps> {
  return openWith(log, (closer) => open(config, log, closer))
}

async function open(config: MemoryConfig, log: Logger, closer: Closer): Promise<RunningDeps> {
  const keks = await openKeyEncryption(config)
  const sql = createClient({ url: config.DATABASE_URL, max: config.DATABASE_POOL, applicationName: 'memoric-memory' })
  closer.defer('postgres', () => sql.end())
  await checkDatabase(sql, { migrations: MIGRATIONS })

  const messaging = connectMessaging({
    servers: config.NATS_URL,
    user: config.NATS_USER,
    pass: config.NATS_PASSWORD,
    name: 'memoric-memory',
    log,
  })
  closer.defer('nats', () => messaging.close())
  const relay = connectOutbox(messaging, ['memory'], (publish) => createOutboxRelay({ sql, publish, log }))
  closer.defer('outbox relay', () => relay.close())
  closer.defer(
    'answers about the outbox',
    answerCounts(messaging, 'memory', (...hour) => countedHour(sql, ...hour)),
  )
  const events = createEventFactory({ app: 'memory', personalDataKey: createPersonalDataKey(config.PERSONAL_DATA_KEY) })
  const reads = createReadEvents({ sql, relay, events, log })
  closer.defer('read events', () => reads.close())
  const keys = createKeyStore({
    sql,
    keks,
    maxEntries: config.KEY_CACHE_ENTRIES,
    ttlMs: config.KEY_CACHE_SECONDS * 1000,
  })
  closer.defer('keys', () => keys.close())
  await checkEncryptionKey(keys)
  const rewrapping = rewrapInBackground({ sql, keks, log })
  closer.defer('keys of tenants', () => rewrapping.stop())
  const rotations = createRotationWorker({ sql, keys, events, relay, log })
  closer.defer('rotation of keys', () => rotations.close())
  const exports = createExportWorker({
    databaseUrl: config.DATABASE_URL,
    keptHours: config.EXPORT_HOURS,
    atOnce: config.EXPORTS_AT_ONCE,
    sql,
    keys,
    events,
    relay,
    log,
  })
  closer.defer('exports', () => exports.close())
  const maxBytes = config.SEARCH_CACHE_MIB * 1024 * 1024
  const searching = { sql, keys, events, relay, log }
  const embeddings = await openEmbeddings(config, searching)
  closer.defer('embeddings', () => embeddings?.close())
  const indexes = withEmbeddings(createIndexCache({ ...searching, maxBytes }), embeddings)
  closer.defer('search indexes', () => indexes.close())
  const forgetting = createForgetting({ sql, messaging, keys, indexes, log })
  closer.defer('signs of life', () => forgetting.close())
  const receiptKeys = createReceiptKeys(sql, keks)
  const askLog = createAskLog(messaging)
  closer.defer('questions to the log', () => askLog.close())
  const now = () => new Date()
  const erasures = createErasureWorker({ sql, events, relay, forgetting, log, receiptKeys, askLog, now })
  closer.defer('erasures', () => erasures.close())
  const policies = createPolicies({ sql, keys, messaging })
  closer.defer('policies', () => policies.close())
  const uses = createUses({ sql, log })
  closer.defer('uses of memories', () => uses.close())
  const quotas = createTenantUsages({ sql, defaults: quotaDefaults(config) })
  const textModel = await openTextModel(config)
  const policyRuns = createPolicyRuns({ sql, keys, events, relay, quotas, policies, textModel, log, now })
  closer.defer('runs of policies', () => policyRuns.close())
  const enricher = createEnricher({ sql, keys, events, relay, quotas, policies, textModel, log, messaging })
  closer.defer('enrichment', () => enricher.close())
  const writes = createWriteQueue(sql, quotas)
  const idempotency = createIdempotency({ sql, keys })
  const expiry = createExpiry({ sql, keys, events, relay, quotas, log })
  closer.defer('expiry', () => expiry.close())
  return {
    sql,
    keks,
    keys,
    rewrapping,
    rotations,
    exports,
    runningExports: config.EXPORTS_RUNNING_MAX,
    writes,
    turns: createTurns(),
    quotas,
    idempotency,
    expiry,
    policies,
    policyRuns,
    textModel,
    uses,
    indexes: withEnrichment(indexes, enricher),
    embeddings,
    enricher,
    forgetting,
    erasures,
    receiptKeys,
    searchLimits: { maxSubjects: config.SEARCH_SUBJECTS, isGlobalOn: config.SEARCH_GLOBAL },
    events,
    reads,
    relay,
    log,
    messaging,
    closer,
    now,
  }
}
