import { createPasswordHasher, type PasswordHasher } from '@memoric/crypto/passwords.ts'
import { createSealingKey } from '@memoric/crypto/sealed-box.ts'
import { createClient, type Sql } from '@memoric/postgres/client.ts'
import { createOutboxRelay, type OutboxRelay } from '@memoric/postgres/outbox-relay.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { type Closer, createCloser } from '@memoric/service/closer.ts'
import { createEventFactory, type EventFactory } from '@memoric/service/event-factory.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { updateLastUsed } from './api-keys/api-key-repository.ts'
import { createKeyUse, type KeyUse } from './api-keys/key-use.ts'
import { checkDatabase } from './check-database.ts'
import type { AuthConfig } from './config.ts'
import { connectEventBus, type EventBus } from './event-bus.ts'
import type { AuthKeys } from './keys/auth-keys.ts'
import { loadAuthKeys } from './keys/load-auth-keys.ts'
import { type AccessTokens, createAccessTokens } from './signing-keys/access-tokens.ts'
import { ensureSigningKeys } from './signing-keys/ensure-signing-keys.ts'

/** What the verbs of auth work with. */
export interface Deps {
  readonly config: AuthConfig
  readonly log: Logger
  readonly sql: Sql
  readonly keys: AuthKeys
  readonly passwords: PasswordHasher
  readonly accessTokens: AccessTokens
  readonly events: EventFactory
  readonly relay: OutboxRelay
  readonly bus: EventBus
  readonly keyUse: KeyUse
  readonly closer: Closer
}

/** Opens what auth needs. Throws, with everything closed again, when it must not start; NATS may be away. */
export async function createDeps(config: AuthConfig, log: Logger): Promise<Deps> {
  const closer = createCloser(log)
  try {
    return await openDeps(config, log, closer)
  } catch (error) {
    await closer.close()
    throw error
  }
}

async function openDeps(config: AuthConfig, log: Logger, closer: Closer): Promise<Deps> {
  const sql = createClient({ url: config.DATABASE_URL, max: config.DATABASE_POOL_MAX, applicationName: 'memoric-auth' })
  closer.defer('postgres', () => sql.end())
  await checkDatabase(sql)
  const keys = await loadAuthKeys(config, sql)
  const accessTokens = createAccessTokens(keys.credentials, await ensureSigningKeys(sql, keys.credentials))
  const bus = connectEventBus(config, log)
  closer.defer('nats', () => bus.close())
  const relay = createOutboxRelay({ sql, publish: (rows) => bus.publish(rows), log })
  closer.defer('outbox relay', () => relay.close())
  bus.onConfirmed((ids) => relay.confirm(ids))
  const keyUse = createKeyUse({ write: (used) => systemFlight(sql, (tx) => [updateLastUsed(tx, used)]), log })
  closer.defer('last use of API keys', () => keyUse.close())
  const events = createEventFactory({ app: 'auth', personalDataKey: createSealingKey(1, config.PERSONAL_DATA_KEY) })
  const passwords = passwordHasher(config)
  return { config, log, sql, keys, passwords, accessTokens, events, relay, bus, keyUse, closer }
}

function passwordHasher(config: AuthConfig): PasswordHasher {
  return createPasswordHasher({
    cost: { memoryKib: config.PASSWORD_MEMORY_KIB, passes: config.PASSWORD_PASSES, lanes: 1 },
    concurrency: config.PASSWORD_CONCURRENCY,
  })
}
