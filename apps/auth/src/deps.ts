import { fileURLToPath } from 'node:url'
import { createPasswordHasher, type PasswordHasher } from '@memoric/crypto/passwords.ts'
import { checkDatabase } from '@memoric/postgres/check-database.ts'
import { createClient, type Sql } from '@memoric/postgres/client.ts'
import { connectMessaging, type Messaging } from '@memoric/messaging/connect.ts'
import { connectOutbox } from '@memoric/messaging/connect-outbox.ts'
import { createOutboxRelay, type OutboxRelay } from '@memoric/postgres/outbox-relay.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { type Closer, openWith } from '@memoric/service/closer.ts'
import { createEventFactory, createPersonalDataKey, type EventFactory } from '@memoric/service/event-factory.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { updateLastUsed } from './api-keys/api-key-repository.ts'
import { createKeyUse, type KeyUse } from './api-keys/key-use.ts'
import type { AuthConfig } from './config.ts'
import type { AuthKeys } from './keys/auth-keys.ts'
import { loadAuthKeys } from './keys/load-auth-keys.ts'
import { type AccessTokens, createAccessTokens } from './signing-keys/access-tokens.ts'
import { ensureSigningKeys } from './signing-keys/ensure-signing-keys.ts'

/** The migrations of auth. */
export const MIGRATIONS_DIRECTORY = fileURLToPath(new URL('../migrations', import.meta.url))

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
  readonly messaging: Messaging
  readonly keyUse: KeyUse
  readonly closer: Closer
}

/** Opens what auth needs. Throws, with everything closed again, when it must not start; NATS may be away. */
export function createDeps(config: AuthConfig, log: Logger): Promise<Deps> {
  return openWith(log, (closer) => openDeps(config, log, closer))
}

async function openDeps(config: AuthConfig, log: Logger, closer: Closer): Promise<Deps> {
  const sql = createClient({ url: config.DATABASE_URL, max: config.DATABASE_POOL_MAX, applicationName: 'memoric-auth' })
  closer.defer('postgres', () => sql.end())
  await checkDatabase(sql, { migrations: MIGRATIONS_DIRECTORY })
  const keys = await loadAuthKeys(config, sql)
  const accessTokens = createAccessTokens(keys.credentials, await ensureSigningKeys(sql, keys.credentials))
  const { NATS_URL: servers, NATS_USER: user, NATS_PASSWORD: pass } = config
  const messaging = connectMessaging({ servers, user, pass, name: 'memoric-auth', log })
  closer.defer('nats', () => messaging.close())
  const relay = connectOutbox(messaging, 'auth', (publish) => createOutboxRelay({ sql, publish, log }))
  closer.defer('outbox relay', () => relay.close())
  const keyUse = createKeyUse({ write: (used) => systemFlight(sql, (tx) => [updateLastUsed(tx, used)]), log })
  closer.defer('last use of API keys', () => keyUse.close())
  const events = createEventFactory({ app: 'auth', personalDataKey: createPersonalDataKey(config.PERSONAL_DATA_KEY) })
  const passwords = passwordHasher(config)
  return { config, log, sql, keys, passwords, accessTokens, events, relay, messaging, keyUse, closer }
}

function passwordHasher(config: AuthConfig): PasswordHasher {
  return createPasswordHasher({
    cost: { memoryKib: config.PASSWORD_MEMORY_KIB, passes: config.PASSWORD_PASSES, lanes: 1 },
    concurrency: config.PASSWORD_CONCURRENCY,
  })
}
