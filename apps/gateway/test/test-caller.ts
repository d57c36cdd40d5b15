import type { Caller } from '@memoric/contracts/caller.ts'
import { tenantId } from '@memoric/contracts/ids.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'

/** Somebody of a tenant, as a service knows callers. */
export function testCaller(tenant: string): Caller {
  return {
    tenantId: tenantId.parse(tenant),
    principal: { type: 'user', id: 'ada' },
    sessionId: null,
    permissions: [],
    subjects: '*',
    namespaces: '*',
    requestId: uuidV7(),
    clientAddress: '192.0.2.7',
    userAgent: 'PlantedAgent/1.0',
  }
}
