import type { Caller } from '@memoric/contracts/caller.ts'
import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'

/** The caller of what the gateway asks a service for itself and for no client. */
export function gatewayItself(): Caller {
  return {
    tenantId: PLATFORM_TENANT,
    principal: { type: 'service', id: 'gateway' },
    sessionId: null,
    permissions: [],
    subjects: [],
    namespaces: [],
    requestId: uuidV7(),
    clientAddress: '',
    userAgent: null,
  }
}
