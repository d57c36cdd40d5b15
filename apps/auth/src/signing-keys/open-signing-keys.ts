import { signingKeysChanged } from '@memoric/contracts/signals.ts'
import { SIGNING_KEYS_SUBJECT } from '@memoric/contracts/subjects.ts'
import type { Messaging } from '@memoric/messaging/connect.ts'
import { onSignal, onSignalsMissed } from '@memoric/messaging/signals.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { Closer } from '@memoric/service/closer.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { repeat } from '../repeat.ts'
import { type AccessTokens, createAccessTokens } from './access-tokens.ts'
import { announceSigningKeys } from './announce-signing-keys.ts'
import { type MaintenanceDeps, maintainSigningKeys } from './maintain-signing-keys.ts'
import { SIGNING_KEYS_POLL_SECONDS } from './rotate-signing-keys.ts'
import { selectSigningKeys } from './signing-key-repository.ts'

const UPKEEP_MS = 600_000

export interface SigningKeysDeps extends MaintenanceDeps {
  readonly messaging: Messaging
  readonly log: Logger
  readonly closer: Closer
  /** Longest time until a change that nobody told of is seen, ms. */
  readonly pollMs?: number
  /** Longest time between two looks at whether it is time to rotate, or to remove a retired key, ms. */
  readonly upkeepMs?: number
}

/** The signing keys of this process: those of the database as of a moment ago. */
export interface SigningKeys {
  readonly accessTokens: AccessTokens
  /** Reads them anew. */
  reload(): Promise<void>
}

/** Makes the keys of a new installation, and follows the changes that any process makes from now on. */
export async function openSigningKeys(deps: SigningKeysDeps): Promise<SigningKeys> {
  const { sql, credentials, messaging, log, closer } = deps
  const { pollMs = SIGNING_KEYS_POLL_SECONDS * 1000, upkeepMs = UPKEEP_MS } = deps
  await maintainSigningKeys(deps)
  const accessTokens = createAccessTokens(credentials, await readSigningKeys(sql))
  const reload = createReload(sql, accessTokens)
  const look = () => {
    reload().catch((error: unknown) => log.warn({ err: error }, 'the signing keys could not be read anew'))
  }
  const ignoreSignals = onSignal(messaging, SIGNING_KEYS_SUBJECT, (signal) => {
    signingKeysChanged.parse(signal)
    look()
  })
  const ignoreOutages = onSignalsMissed(messaging, look)
  const poll = repeat({ name: 'signing keys', everyMs: pollMs, work: reload, log })
  const upkeep = repeat({ name: 'upkeep of signing keys', everyMs: upkeepMs, work: maintain, log })
  closer.defer('signing keys', async () => {
    ignoreSignals()
    ignoreOutages()
    await Promise.all([poll.close(), upkeep.close()])
  })
  return { accessTokens, reload }

  async function maintain(): Promise<void> {
    if (!(await maintainSigningKeys(deps))) return
    await reload()
    announceSigningKeys(
      deps,
      accessTokens.jwks().keys.map(({ kid = '' }) => kid),
    )
  }
}

/** What was asked for later is newer, also when it arrives earlier. */
function createReload(sql: Sql, accessTokens: AccessTokens): () => Promise<void> {
  let asked = 0
  let used = 0
  return async () => {
    asked += 1
    const turn = asked
    const stored = await readSigningKeys(sql)
    if (turn < used) return
    used = turn
    accessTokens.use(stored)
  }
}

async function readSigningKeys(sql: Sql) {
  const [stored] = await systemFlight(sql, (tx) => [selectSigningKeys(tx)])
  return stored
}
