import type { TenantId } from '@memoric/contracts/ids.ts'
import type { EventFactory, OutboxEvent } from '@memoric/service/event-factory.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { NewAccount } from './new-account.ts'

export interface RegistrationFacts {
  readonly email: string
  readonly context: RequestContext
  readonly statusCode: number
  /** Null where the address has to be proven before anybody signs in. */
  readonly sessionId: string | null
}

/** The event that tells of a new tenant and its owner. */
export function registered(
  events: EventFactory,
  { tenant, owner }: Pick<NewAccount, 'tenant' | 'owner'>,
  { email, context, statusCode, sessionId }: RegistrationFacts,
): OutboxEvent {
  return events({
    type: 'auth.registered',
    context,
    // Made by `newAccount`.
    tenantId: tenant.id as TenantId,
    actor: `user:${owner.id}`,
    resourceId: tenant.id,
    statusCode,
    details: { user_id: owner.id, session_id: sessionId },
    email,
  })
}
