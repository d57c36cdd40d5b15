import { ask } from '@memoric/postgres/transaction.ts'
import { errorCode } from '@memoric/postgres/database-error.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { hashToken } from '@memoric/crypto/opaque-token.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import type { Deps } from '../deps.ts'
import { type CountedAttempt, FREE_FAILURES } from '../throttle/attempt-repository.ts'
import type { NewSession } from './new-session.ts'

/** What `memoric.begin_session` says when it does nothing. */
const ACCOUNT_CHANGED = 'MA001'
const NO_ROOM = 'MA002'

/** A session of a user who signs in by password alone. */
export interface SessionAlone {
  readonly session: NewSession
  /** The hash that the password was compared with. */
  readonly checkedHash: string | null
  /** The password hashed at today's cost, where it must be. */
  readonly nextHash: string | null
  readonly counted: CountedAttempt
  readonly event: OutboxEvent
}

/**
 * Begins a session, and does all that belongs to it, in one statement: what takes a sign-in longest beside the hash are the round trips.
 * False, with nothing done, when the user has as many sessions as may be. Throws AppError `write_conflict` when the account is not
 * what it was.
 */
export async function beginAlone({ sql, relay }: Pick<Deps, 'sql' | 'relay'>, begin: SessionAlone): Promise<boolean> {
  try {
    await ask(sql, (tx) => beginSession(tx, begin))
  } catch (error) {
    if (errorCode(error) === NO_ROOM) return false
    if (errorCode(error) === ACCOUNT_CHANGED) throw new AppError('write_conflict', { cause: error })
    throw error
  }
  relay.wake()
  return true
}

function beginSession(tx: Tx, { session, checkedHash, nextHash, counted, event }: SessionAlone) {
  const { tenantId, userId, sessionId, limits, clientSealed, refreshToken } = session
  const statement = tx`
    select memoric.begin_session(${tenantId}, ${userId}, ${checkedHash}, ${nextHash}, ${limits.perUser},
      ${sessionId}, ${limits.lifetimeDays}, ${limits.idleMinutes}, ${clientSealed}, ${hashToken(refreshToken)},
      ${counted.account}, ${counted.network}, ${FREE_FAILURES}, ${counted.counted_at}, ${counted.account_until},
      ${counted.account_failed_at}, ${event.eventId}, ${event.subject}, ${event.payload})`
  // Sent at once: whoever calls goes on with other work.
  return statement.execute()
}
