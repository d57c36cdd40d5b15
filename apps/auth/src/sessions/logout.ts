import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { findPresentedToken } from './find-presented-token.ts'
import type { RefreshTokenPlace } from './refresh-token-repository.ts'
import { loggedOut } from './session-events.ts'
import { revokeSession } from './session-repository.ts'
import { announceRevoked } from '../announce-revoked.ts'

/** Ends the session of a refresh token. The answer does not tell whether there was one. */
export function logout(deps: Deps): Handler<'logout'> {
  return async ({ body, context }) => {
    const presented = await findPresentedToken(deps.sql, body.refresh_token)
    if (presented !== null) await end(deps, presented, context)
    return { status: 204, body: null }
  }
}

async function end(deps: Deps, { tenantId, sessionId }: RefreshTokenPlace, context: RequestContext): Promise<void> {
  await tenantTransaction(deps.sql, tenantScope(tenantId), async (tx) => {
    const [ended] = await revokeSession(tx, tenantId, sessionId, 'logout')
    if (ended === undefined) return
    await outboxInsert(tx, [loggedOut(deps.events, { tenantId, sessionId, userId: ended.user_id }, context)])
  })
  deps.relay.wake()
  announceRevoked(deps, [sessionId])
}
