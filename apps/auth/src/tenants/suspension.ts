import type { TenantId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { EventContext, EventInput } from '@memoric/service/event-factory.ts'
import type { Deps } from '../deps.ts'

type WithEvents = Pick<Deps, 'events'>

/** A tenant that is stopped or let go on, and why. */
export interface SuspensionRequest {
  readonly tenantId: TenantId
  readonly reason?: string
  readonly statusCode: number | null
}

/**
 * Stops every session and key of a tenant until it is resumed. False when it was suspended already: then nothing is told.
 * The caller announces the id of the tenant after the commit and wakes the relay.
 */
export async function suspendTenant(
  tx: Tx,
  { events }: WithEvents,
  request: SuspensionRequest,
  context: EventContext,
): Promise<boolean> {
  const changed = await tx`
    update tenants set suspended_at = now() where id = ${request.tenantId} and suspended_at is null returning 1`
  if (changed.length === 0) return false
  await outboxInsert(tx, [events(told('tenant.suspended', request, context))])
  return true
}

/** Lets a tenant go on: keys that were not revoked work again, so do sessions that did not end. False when it was not suspended. */
export async function resumeTenant(
  tx: Tx,
  { events }: WithEvents,
  request: SuspensionRequest,
  context: EventContext,
): Promise<boolean> {
  const changed = await tx`
    update tenants set suspended_at = null where id = ${request.tenantId} and suspended_at is not null returning 1`
  if (changed.length === 0) return false
  await outboxInsert(tx, [events(told('tenant.resumed', request, context))])
  return true
}

function told(type: EventInput['type'], { tenantId, reason, statusCode }: SuspensionRequest, context: EventContext) {
  return { type, context, tenantId, resourceId: tenantId, statusCode, ...(reason !== undefined && { reason }) }
}
