import type { KekRing } from '@memoric/crypto/kek.ts'
import { checkDatabase } from '@memoric/postgres/check-database.ts'
import { createClient } from '@memoric/postgres/client.ts'
import { type Closer, openWith } from '@memoric/service/closer.ts'
import { createEventFactory, createPersonalDataKey } from '@memoric/service/event-factory.ts'
import { openKeyEncryption } from '@memoric/service/key-encryption/open-key-encryption.ts'
import { createLogger } from '@memoric/service/logger.ts'
import type { MemoryConfig } from '../config.ts'
import { MIGRATIONS } from '../deps.ts'
import { checkEncryptionKey } from '../keys/check-encryption-key.ts'
import { createKeyStore } from '../keys/subject-keys.ts'
import type { SearchDeps } from '../search/search-deps.ts'

/** What every command of the operator works with. */
export interface OpenMemory extends SearchDeps {
  readonly keks: KekRing
  readonly closer: Closer
}

const CONNECT_MS = 5000

/** Opens the database and the keys. Throws when the database cannot be used. */
export function openMemory(config: MemoryConfig): Promise<OpenMemory> {
  const log = createLogger({ app: 'memory', level: 'silent' })
  return openWith(log, async (closer) => {
    const sql = createClient({
      url: config.DATABASE_URL,
      max: 4,
      applicationName: 'memoric-operator',
      connectTimeoutMs: CONNECT_MS,
    })
    closer.defer('postgres', () => sql.end())
    await checkDatabase(sql, { migrations: MIGRATIONS })
    const keks = await openKeyEncryption(config)
    const { KEY_CACHE_ENTRIES: maxEntries, KEY_CACHE_SECONDS } = config
    const keys = createKeyStore({ sql, keks, maxEntries, ttlMs: KEY_CACHE_SECONDS * 1000 })
    closer.defer('keys', () => keys.close())
    await checkEncryptionKey(keys)
    const events = createEventFactory({
      app: 'memory',
      personalDataKey: createPersonalDataKey(config.PERSONAL_DATA_KEY),
    })
    // The relay of a running service finds the events.
    return { sql, keks, keys, events, log, relay: { wake: () => undefined }, closer }
  })
}
