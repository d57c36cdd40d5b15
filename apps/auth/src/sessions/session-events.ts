import type { TenantId } from '@memoric/contracts/ids.ts'
import type { EventContext, EventFactory, OutboxEvent } from '@memoric/service/event-factory.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { LiveSession, RevocationReason } from './session-repository.ts'

type SessionOfUser = Pick<LiveSession, 'tenantId' | 'sessionId' | 'userId'>

/** Whoever presents a token is the user of its session, as far as anyone can know. */
function about({ tenantId, sessionId, userId }: SessionOfUser, context: RequestContext) {
  // The tenant comes from a row.
  return { context, tenantId: tenantId as TenantId, actor: `user:${userId}`, resourceId: sessionId }
}

export function tokenRefreshed(
  events: EventFactory,
  session: SessionOfUser,
  context: RequestContext,
  { repeated }: { readonly repeated: boolean },
): OutboxEvent {
  return events({
    ...about(session, context),
    type: 'auth.token.refreshed',
    statusCode: 200,
    details: { repeated },
  })
}

/** Not by the user: nobody knows which of the two who hold the token is the thief. */
export function tokenReused(events: EventFactory, session: SessionOfUser, context: RequestContext): OutboxEvent {
  return events({
    ...about(session, context),
    type: 'auth.token.reused',
    actor: 'anonymous:unknown',
    statusCode: 401,
    outcome: 'denied',
    reason: 'refresh_token_reused',
    details: { user_id: session.userId },
  })
}

export function loggedOut(events: EventFactory, session: SessionOfUser, context: RequestContext): OutboxEvent {
  return events({ ...about(session, context), type: 'auth.logged_out', statusCode: 204 })
}

/** By whoever caused it; where nobody is signed in yet, that is the user of the session. */
export function sessionRevoked(
  events: EventFactory,
  { tenantId, sessionId, userId }: SessionOfUser,
  { reason, statusCode }: { readonly reason: RevocationReason; readonly statusCode: number | null },
  context: EventContext,
): OutboxEvent {
  const { type } = context.caller.principal
  return events({
    type: 'auth.session.revoked',
    context,
    // The tenant comes from a row.
    tenantId: tenantId as TenantId,
    ...(type === 'anonymous' && context.actor === undefined && { actor: `user:${userId}` }),
    resourceId: sessionId,
    statusCode,
    reason,
    details: { user_id: userId },
  })
}
