import { userInfo } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectMessaging, type Messaging } from '@memoric/messaging/connect.ts'
import { checkDatabase } from '@memoric/postgres/check-database.ts'
import { createClient, type Sql } from '@memoric/postgres/client.ts'
import { type Closer, openWith } from '@memoric/service/closer.ts'
import {
  createEventFactory,
  createPersonalDataKey,
  type EventContext,
  type EventFactory,
} from '@memoric/service/event-factory.ts'
import { createLogger } from '@memoric/service/logger.ts'
import { announceRevoked } from '../announce-revoked.ts'
import type { AuthConfig } from '../config.ts'
import { MIGRATIONS_DIRECTORY } from '../deps.ts'
import { internalContext } from '../internal-context.ts'
import type { AuthKeys } from '../keys/auth-keys.ts'
import { loadAuthKeys } from '../keys/load-auth-keys.ts'
import { announceSigningKeys } from '../signing-keys/announce-signing-keys.ts'

/** What the commands of an operator work with. */
export interface Operator {
  readonly sql: Sql
  readonly keys: AuthKeys
  readonly events: EventFactory
  /** Where the events of this operator come from. */
  readonly context: EventContext
  /** Tells gateways what has ended. The change is made all the same when nobody can be told. */
  announceRevoked(ids: readonly string[]): Promise<void>
  /** Tells everybody that the published signing keys are these. */
  announceSigningKeys(kids: readonly string[]): Promise<void>
  readonly closer: Closer
}

export interface OperatorOptions {
  /** The user of the operating system. */
  readonly user: string
  /** Told when a change was made that nobody could be told of. */
  readonly warn: (message: string) => void
  /** How long NATS may take to be reached, ms. */
  readonly patienceMs?: number
}

const CONNECT_MS = 5000

/** Opens the database, and begins to connect to NATS. Throws when the database cannot be used. */
export function openOperator(config: AuthConfig, options: OperatorOptions): Promise<Operator> {
  const log = createLogger({ app: 'auth', level: 'silent' })
  return openWith(log, async (closer) => {
    const sql = createClient({
      url: config.DATABASE_URL,
      max: 1,
      applicationName: 'memoric-operator',
      connectTimeoutMs: CONNECT_MS,
    })
    closer.defer('postgres', () => sql.end())
    await checkDatabase(sql, { migrations: MIGRATIONS_DIRECTORY })
    const keys = await loadAuthKeys(config, sql)
    const { NATS_URL: servers, NATS_USER: user, NATS_PASSWORD: pass } = config
    const messaging = connectMessaging({ servers, user, pass, name: 'memoric-operator', log })
    closer.defer('nats', () => messaging.close())
    const events = createEventFactory({ app: 'auth', personalDataKey: createPersonalDataKey(config.PERSONAL_DATA_KEY) })
    const context = internalContext(`operator:${options.user}`)
    const signals = { messaging, log }
    const told = (send: () => void, late: string) => tell(messaging, options, send, late)
    return {
      sql,
      keys,
      events,
      context,
      closer,
      announceRevoked: (ids) => told(() => announceRevoked(signals, ids), 'within 30 seconds'),
      announceSigningKeys: (kids) => told(() => announceSigningKeys(signals, [...kids]), 'within a minute'),
    }
  })
}

async function tell(
  messaging: Messaging,
  { warn, patienceMs = 3000 }: OperatorOptions,
  send: () => void,
  late: string,
): Promise<void> {
  const giveUp = new AbortController()
  const expired = sleep(patienceMs, undefined, { signal: giveUp.signal }).catch(() => undefined)
  const connection = await Promise.race([messaging.connected(), expired])
  giveUp.abort()
  if (connection === undefined) {
    warn(`The change is made, but NATS cannot be reached: running processes learn of it ${late}.`)
    return
  }
  send()
  await connection.flush()
}

/** The user of the operating system as an actor is named, or `cli` where the system knows none. */
export function systemUser(): string {
  try {
    const { username } = userInfo()
    return /^[\w.@-]{1,64}$/.test(username) ? username : 'cli'
  } catch {
    return 'cli'
  }
}
