import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { announceRevoked } from '../announce-revoked.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { endSessions } from './end-sessions.ts'
import { requireSession } from './require-session.ts'
import type { SessionChoice } from './session-repository.ts'

/** Ends one of the own sessions; it may be the one that asks. */
export function revokeSession(deps: Deps): Handler<'revokeSession'> {
  return async ({ params: { id }, context }) => {
    const { userId } = requireSession(context.caller)
    const ended = await end(deps, { userId, sessionId: id }, context)
    if (ended.length === 0) throw new AppError('session_not_found')
    return { status: 204, body: null }
  }
}

/** Ends all own sessions but the one that asks. */
export function revokeOtherSessions(deps: Deps): Handler<'revokeOtherSessions'> {
  return async ({ context }) => {
    const { userId, sessionId } = requireSession(context.caller)
    await end(deps, { userId, except: sessionId }, context)
    return { status: 204, body: null }
  }
}

async function end(deps: Deps, choice: Omit<SessionChoice, 'tenantId'>, context: RequestContext): Promise<string[]> {
  const { tenantId } = context.caller
  const ending = { ...choice, tenantId, reason: 'revoked', statusCode: 204 } as const
  const ended = await tenantTransaction(deps.sql, tenantScope(tenantId), (tx) => endSessions(tx, deps, ending, context))
  deps.relay.wake()
  announceRevoked(deps, ended)
  return ended
}
