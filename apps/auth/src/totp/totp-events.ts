import type { TenantId } from '@memoric/contracts/ids.ts'
import type { EventFactory, OutboxEvent } from '@memoric/service/event-factory.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'

interface UserId {
  readonly tenant_id: string
  readonly id: string
}

interface FactorChange {
  readonly type: 'auth.totp.enrolled' | 'auth.totp.enabled' | 'auth.totp.disabled'
  readonly statusCode: number
}

/** A user changed the own second factor. */
export function factorChanged(
  events: EventFactory,
  { id }: UserId,
  { type, statusCode }: FactorChange,
  context: RequestContext,
): OutboxEvent {
  return events({ type, context, resourceId: id, statusCode })
}

/** A recovery code was used by somebody who signs in. */
export function recoveryCodeUsed(
  events: EventFactory,
  { tenant_id: tenantId, id }: UserId,
  { email, context, left }: { readonly email: string; readonly context: RequestContext; readonly left: number },
): OutboxEvent {
  return events({
    type: 'auth.recovery_code.used',
    context,
    // From a row of that tenant.
    tenantId: tenantId as TenantId,
    actor: `user:${id}`,
    resourceId: id,
    statusCode: 200,
    details: { left },
    email,
  })
}
