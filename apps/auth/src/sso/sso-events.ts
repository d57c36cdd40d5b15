import type { TenantId } from '@memoric/contracts/ids.ts'
import type { JsonValue } from '@memoric/contracts/text.ts'
import type { EventFactory, OutboxEvent } from '@memoric/service/event-factory.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { NewSession } from '../sessions/new-session.ts'

/** Through which provider of which tenant somebody signs in. */
export interface SignInPlace {
  readonly tenantId: TenantId
  readonly providerId: string
  readonly context: RequestContext
}

export function ssoSucceeded(
  events: EventFactory,
  { tenantId, providerId, context }: SignInPlace,
  { sessionId, userId }: NewSession,
  email: string | null,
): OutboxEvent {
  return events({
    type: 'auth.login.succeeded',
    context,
    tenantId,
    actor: `user:${userId}`,
    resourceId: sessionId,
    statusCode: 200,
    details: { user_id: userId, method: 'sso', provider_id: providerId },
    ...(email !== null && { email }),
  })
}

export interface SsoFailure {
  readonly reason: string
  readonly statusCode: number
  readonly userId?: string | undefined
  readonly email?: string | null
  readonly details?: Record<string, JsonValue>
}

export function ssoFailed(
  events: EventFactory,
  { tenantId, providerId, context }: SignInPlace,
  { reason, statusCode, userId, email, details }: SsoFailure,
): OutboxEvent {
  return events({
    type: 'auth.login.failed',
    context,
    tenantId,
    resourceId: userId ?? null,
    statusCode,
    outcome: 'failure',
    reason,
    details: { method: 'sso', provider_id: providerId, ...details },
    ...(email != null && { email }),
  })
}

/** What a sign-in changes of its user, by the user. */
export function memberTold(
  events: EventFactory,
  { tenantId, providerId, context }: SignInPlace,
  type: 'user.created' | 'user.updated' | 'user.role_changed',
  userId: string,
  details: Record<string, JsonValue>,
  email?: string,
): OutboxEvent {
  return events({
    type,
    context,
    tenantId,
    actor: `user:${userId}`,
    resourceId: userId,
    statusCode: 200,
    details: { ...details, provider_id: providerId },
    ...(email !== undefined && { email }),
  })
}
