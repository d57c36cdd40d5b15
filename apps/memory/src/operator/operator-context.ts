import type { TenantId } from '@memoric/contracts/ids.ts'
import type { EventContext } from '@memoric/service/event-factory.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { serviceContext } from '../service-context.ts'
import { systemActor } from './system-actor.ts'

/** The context of what the operator does to a tenant, for the events that tell of it. */
export function operatorContext(tenantId: TenantId, job: string): RequestContext & EventContext {
  return { ...serviceContext(tenantId, job), actor: systemActor() }
}
