import { userInfo } from 'node:os'
import type { SealingKey } from '@memoric/crypto/sealed-box.ts'
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
import type { AuditConfig } from '../config.ts'
import { internalContext } from '../internal-context.ts'
import { openAuditKeys } from '../keys/audit-keys.ts'
import { MIGRATIONS_DIRECTORY } from '../migrations-directory.ts'

/** What the operator's commands on the log work with. */
export interface AuditOperator {
  readonly sql: Sql
  readonly credentials: SealingKey
  /** Wraps the keys of actors. */
  readonly actors: SealingKey
  readonly personalDataSecret: Uint8Array
  readonly events: EventFactory
  readonly context: EventContext
  readonly defaultRetentionDays: number | null
  readonly deadLetterDays: number
  readonly closer: Closer
}

const CONNECT_MS = 5000
/** A check of a large log may take its time. */
const STATEMENT_MS = 120_000

/** Opens the database and the keys. Throws when the database cannot be used. */
export function openAuditOperator(config: AuditConfig): Promise<AuditOperator> {
  return openWith(createLogger({ app: 'audit', level: 'silent' }), async (closer) => {
    const sql = createClient({
      url: config.DATABASE_URL,
      max: 2,
      applicationName: 'memoric-operator',
      connectTimeoutMs: CONNECT_MS,
      statementTimeoutMs: STATEMENT_MS,
    })
    closer.defer('postgres', () => sql.end())
    await checkDatabase(sql, { migrations: MIGRATIONS_DIRECTORY })
    const { credentials, actors } = await openAuditKeys(config, sql)
    const events = createEventFactory({
      app: 'audit',
      personalDataKey: createPersonalDataKey(config.PERSONAL_DATA_KEY),
    })
    const context = internalContext(`operator:${systemUser()}`)
    const { PERSONAL_DATA_KEY: personalDataSecret, AUDIT_RETENTION_DAYS: defaultRetentionDays = null } = config
    const { AUDIT_DEAD_LETTER_DAYS: deadLetterDays } = config
    const settings = { defaultRetentionDays, deadLetterDays }
    return { sql, credentials, actors, personalDataSecret, events, context, closer, ...settings }
  })
}

/** The user of the operating system as an actor is named, or `cli` where the system knows none. */
function systemUser(): string {
  try {
    const { username } = userInfo()
    return /^[\w.@-]{1,64}$/.test(username) ? username : 'cli'
  } catch {
    return 'cli'
  }
}
