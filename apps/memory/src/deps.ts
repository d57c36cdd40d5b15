import { fileURLToPath } from 'node:url'
import { connectMessaging, type Messaging } from '@memoric/messaging/connect.ts'
import { connectOutbox } from '@memoric/messaging/connect-outbox.ts'
import { checkDatabase } from '@memoric/postgres/check-database.ts'
import { createClient } from '@memoric/postgres/client.ts'
import { createOutboxRelay } from '@memoric/postgres/outbox-relay.ts'
import { openWith, type Closer } from '@memoric/service/closer.ts'
import { createEventFactory, createPersonalDataKey } from '@memoric/service/event-factory.ts'
import { openKeyEncryption } from '@memoric/service/key-encryption/open-key-encryption.ts'
import type { Logger } from '@memoric/service/logger.ts'
import type { MemoryConfig } from './config.ts'
import { checkEncryptionKey } from './keys/check-encryption-key.ts'
import { rewrapInBackground } from './keys/rewrap-tenant-keys.ts'
import { createRotationWorker } from './keys/rotation-worker.ts'
import { createKeyStore } from './keys/subject-keys.ts'
import type { MemoryDeps } from './memory-deps.ts'
import { createWriteQueue } from './memories/write-queue.ts'
import { createReadEvents } from './reads/read-events.ts'
import { createIndexCache } from './search/index-cache.ts'

export interface RunningDeps extends MemoryDeps {
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
  const rewrapping = rewrapInBackground(sql, keks, log)
  closer.defer('keys of tenants', () => rewrapping.stop())
  const rotations = createRotationWorker({ sql, keys, events, relay, log })
  closer.defer('rotation of keys', () => rotations.close())
  const maxBytes = config.SEARCH_CACHE_MIB * 1024 * 1024
  const indexes = createIndexCache({ sql, keys, events, relay, log, maxBytes })
  closer.defer('search indexes', () => indexes.close())
  const writes = createWriteQueue(sql)
  return {
    sql,
    keks,
    keys,
    rotations,
    writes,
    indexes,
    events,
    reads,
    relay,
    log,
    messaging,
    closer,
    now: () => new Date(),
  }
}
