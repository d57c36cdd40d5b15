import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { EventContext } from '@memoric/service/event-factory.ts'
import { announceRevoked } from '../announce-revoked.ts'
import type { Deps } from '../deps.ts'
import { tenantScope } from '../tenant-scope.ts'
import type { NewSession } from './new-session.ts'
import { sessionRevoked } from './session-events.ts'
import { insertSession } from './session-repository.ts'

/** What must still be true of the user when the session begins; sign-ins take time, and somebody may change it meanwhile. */
export interface Proof {
  /** The hash that the password was compared with. */
  readonly passwordHash?: string | null
}

/** What a session begins with. */
export interface SessionStart {
  readonly session: NewSession
  readonly context: EventContext
  readonly proof?: Proof
  /** Further statements of the same transaction, such as the event of the sign-in. */
  readonly also?: (tx: Tx) => readonly PromiseLike<unknown>[]
}

/**
 * Begins a session in a transaction of its own: stores it, ends those of the user that are now too many, writes their events and
 * tells gateways. Throws AppError `write_conflict` when the user or the tenant was stopped or changed since the proof was checked.
 */
export async function startSession(deps: Deps, start: SessionStart): Promise<void> {
  const scope = tenantScope(start.session.tenantId)
  const ended = await tenantTransaction(deps.sql, scope, async (tx) => {
    const [ids] = await Promise.all([storeSession(tx, deps, start), ...(start.also?.(tx) ?? [])])
    return ids
  })
  deps.relay.wake()
  if (ended.length > 0) announceRevoked(deps, ended)
}

/** The same within a transaction of the caller, who announces the ids that come back and wakes the relay. */
export async function storeSession(
  tx: Tx,
  { events }: Pick<Deps, 'events'>,
  { session, context, proof }: SessionStart,
): Promise<string[]> {
  const [, , , [user], surplus] = await Promise.all(insertSession(tx, session))
  if (user?.active !== true || !isProven(user.password_hash, proof)) throw new AppError('write_conflict')
  const ended = surplus.map(({ id }) => ({ ...session, sessionId: id }))
  const rows = ended.map((one) => sessionRevoked(events, one, { reason: 'too_many', statusCode: 200 }, context))
  if (rows.length > 0) await outboxInsert(tx, rows)
  return ended.map(({ sessionId }) => sessionId)
}

function isProven(passwordHash: string | null, proof: Proof | undefined): boolean {
  return proof?.passwordHash === undefined || proof.passwordHash === passwordHash
}
