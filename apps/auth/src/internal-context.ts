import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import type { EventContext } from '@memoric/service/event-factory.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'

/** The context of work that nobody asked for over HTTP. `actor` is `<type>:<id>`. */
export function internalContext(actor: string): EventContext {
  const caller = {
    tenantId: PLATFORM_TENANT,
    principal: { type: 'service', id: 'auth' },
    sessionId: null,
    permissions: [],
    subjects: [],
    namespaces: [],
    requestId: uuidV7(),
    clientAddress: '',
    userAgent: null,
  } as const
  return {
    caller: { ...caller, permissions: [], subjects: [], namespaces: [] },
    endpoint: null,
    method: null,
    actor,
    startedAt: performance.now(),
  }
}
