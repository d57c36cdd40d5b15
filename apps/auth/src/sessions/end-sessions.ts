import type { Tx } from '@memoric/postgres/lease.ts'
import type { EventContext } from '@memoric/service/event-factory.ts'
import type { Deps } from '../deps.ts'
import { insertEvents } from '../insert-events.ts'
import { sessionRevoked } from './session-events.ts'
import { endLiveSessions, type RevocationReason, type SessionChoice } from './session-repository.ts'

/** Which sessions end, and why. */
export interface Ending extends SessionChoice {
  readonly reason: RevocationReason
  /** What the request that ends them answers; null when it is none. */
  readonly statusCode: number | null
}

/**
 * Ends live sessions and writes their events. Gives the ids of those that ended: the caller announces them after the commit
 * (`announceRevoked`) and wakes the relay. The row of the user should be locked when nobody may sign in meanwhile.
 */
export async function endSessions(
  tx: Tx,
  { events }: Pick<Deps, 'events'>,
  ending: Ending,
  context: EventContext,
): Promise<string[]> {
  const { tenantId } = ending
  const ended = await endLiveSessions(tx, ending, ending.reason)
  await insertEvents(tx, ended, ({ id, user_id }) =>
    sessionRevoked(events, { tenantId, sessionId: id, userId: user_id }, ending, context),
  )
  return ended.map(({ id }) => id)
}
