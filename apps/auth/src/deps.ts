import { fileURLToPath } from 'node:url'
import { REFUSING_APP } from '@memoric/contracts/refusals.ts'
import { createPasswordHasher, type PasswordHasher } from '@memoric/crypto/passwords.ts'
import { checkDatabase } from '@memoric/postgres/check-database.ts'
import { createClient, type Sql } from '@memoric/postgres/client.ts'
import { connectMessaging, type Messaging } from '@memoric/messaging/connect.ts'
import { answerCounts } from '@memoric/messaging/answer-counts.ts'
import { connectOutbox } from '@memoric/messaging/connect-outbox.ts'
import { countedHour } from '@memoric/postgres/outbox-counts.ts'
import { createOutboxRelay, type OutboxRelay } from '@memoric/postgres/outbox-relay.ts'
import {
  createSystemCounter,
  createSystemReader,
  type SystemCounter,
  type SystemReader,
} from '@memoric/postgres/system-reader.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { type Closer, openWith } from '@memoric/service/closer.ts'
import { createEventFactory, createPersonalDataKey, type EventFactory } from '@memoric/service/event-factory.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { updateLastUsed } from './api-keys/api-key-repository.ts'
import { createKeyUse, type KeyUse } from './api-keys/key-use.ts'
import { startCleanUp } from './clean-up/clean-up.ts'
import type { AuthConfig } from './config.ts'
import type { AuthKeys } from './keys/auth-keys.ts'
import { loadAuthKeys } from './keys/load-auth-keys.ts'
import { type MailService, openMail } from './mail/open-mail.ts'
import { createSignInPlaces, type SignInPlaces } from './sessions/sign-in-places.ts'
import type { AccessTokens } from './signing-keys/access-tokens.ts'
import { openSigningKeys, type SigningKeys } from './signing-keys/open-signing-keys.ts'
import { createIdentityProviders, type IdentityProviders } from './sso/identity-providers.ts'

/** The migrations of auth. */
export const MIGRATIONS_DIRECTORY = fileURLToPath(new URL('../migrations', import.meta.url))

/**
 * Fewer than may wait for a password hash, so that registrations and changed passwords find a place still; and those are fewer than
 * the connections of a gateway, so that it can always ask whether a credential stands.
 */
const SIGN_INS_AT_ONCE = 40

/** Connections for questions whether a credential stands: each takes a fraction of a millisecond. */
const READERS = 4

/** Connections on which attempts to sign in are counted, as quickly. */
const COUNTERS = 4

/** What the verbs of auth work with. */
export interface Deps {
  readonly config: AuthConfig
  readonly log: Logger
  readonly sql: Sql
  readonly reader: SystemReader
  readonly counter: SystemCounter
  readonly keys: AuthKeys
  readonly passwords: PasswordHasher
  readonly signIns: SignInPlaces
  readonly accessTokens: AccessTokens
  readonly signingKeys: SigningKeys
  readonly events: EventFactory
  readonly relay: OutboxRelay
  readonly messaging: Messaging
  readonly keyUse: KeyUse
  readonly mail: MailService
  readonly identityProviders: IdentityProviders
  readonly closer: Closer
}

/** Opens what auth needs. Throws, with everything closed again, when it must not start; NATS may be away. */
export function createDeps(config: AuthConfig, log: Logger): Promise<Deps> {
  return openWith(log, (closer) => openDeps(config, log, closer))
}

async function openDeps(config: AuthConfig, log: Logger, closer: Closer): Promise<Deps> {
  const sql = createClient({ url: config.DATABASE_URL, max: config.DATABASE_POOL_MAX, applicationName: 'memoric-auth' })
  closer.defer('postgres', () => sql.end())
  const reader = createSystemReader({ url: config.DATABASE_URL, max: READERS, applicationName: 'memoric-auth-reader' })
  closer.defer('postgres reader', () => reader.end())
  const counter = createSystemCounter({
    url: config.DATABASE_URL,
    max: COUNTERS,
    applicationName: 'memoric-auth-counter',
  })
  closer.defer('postgres counter', () => counter.end())
  await checkDatabase(sql, { migrations: MIGRATIONS_DIRECTORY })
  const keys = await loadAuthKeys(config, sql)
  const { NATS_URL: servers, NATS_USER: user, NATS_PASSWORD: pass } = config
  const messaging = connectMessaging({ servers, user, pass, name: 'memoric-auth', log })
  closer.defer('nats', () => messaging.close())
  const relay = connectOutbox(messaging, ['auth', REFUSING_APP], (publish) => createOutboxRelay({ sql, publish, log }))
  closer.defer('outbox relay', () => relay.close())
  closer.defer(
    'answers about the outbox',
    answerCounts(messaging, 'auth', (...hour) => countedHour(sql, ...hour)),
  )
  const keyUse = createKeyUse({ write: (used) => systemFlight(sql, (tx) => [updateLastUsed(tx, used)]), log })
  closer.defer('last use of API keys', () => keyUse.close())
  const events = createEventFactory({ app: 'auth', personalDataKey: createPersonalDataKey(config.PERSONAL_DATA_KEY) })
  const { credentials } = keys
  const signingKeys = await openSigningKeys({ config, sql, credentials, events, messaging, log, closer })
  const { accessTokens } = signingKeys
  const cleaning = startCleanUp({ sql, log })
  closer.defer('clean-up', () => cleaning.close())
  const mail = openMail({ config, sql, log, keys, events, wakeRelay: () => relay.wake() })
  closer.defer('mails', () => mail.close())
  const passwords = passwordHasher(config)
  const signIns = createSignInPlaces(SIGN_INS_AT_ONCE)
  return {
    config,
    log,
    sql,
    reader,
    counter,
    keys,
    passwords,
    signIns,
    accessTokens,
    signingKeys,
    events,
    relay,
    messaging,
    keyUse,
    mail,
    identityProviders: createIdentityProviders({ privateNetworks: config.OUTBOUND_PRIVATE_NETWORKS }),
    closer,
  }
}

function passwordHasher(config: AuthConfig): PasswordHasher {
  return createPasswordHasher({
    cost: { memoryKib: config.PASSWORD_MEMORY_KIB, passes: config.PASSWORD_PASSES, lanes: 1 },
    ...(config.PASSWORD_CONCURRENCY !== undefined && { concurrency: config.PASSWORD_CONCURRENCY }),
  })
}
