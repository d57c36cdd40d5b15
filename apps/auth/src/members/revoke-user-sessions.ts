import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { announceRevoked } from '../announce-revoked.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { tenantScope } from '../tenant-scope.ts'
import { requireAuthorityOver } from './member-rules.ts'
import { lockMembership, targetOf } from './membership.ts'

/** Ends every session of a member; the member may sign in again. */
export function revokeUserSessions(deps: Deps): Handler<'revokeUserSessions'> {
  return async ({ params: { id }, context }) => {
    const { tenantId } = context.caller
    const ended = await tenantTransaction(deps.sql, tenantScope(tenantId), async (tx) => {
      const membership = await lockMembership(tx, context.caller, id)
      requireAuthorityOver(membership.actor, targetOf(membership))
      return endSessions(tx, deps, { tenantId, userId: id, reason: 'revoked_by_admin', statusCode: 204 }, context)
    })
    deps.relay.wake()
    announceRevoked(deps, [id, ...ended])
    return { status: 204, body: null }
  }
}
