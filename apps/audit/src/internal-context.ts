import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import type { EventContext } from '@memoric/service/event-factory.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'

/** The context of work that nobody asked for over HTTP. `actor` is `<type>:<id>`. */
export function internalContext(actor: string): EventContext {
  return {
    caller: {
      tenantId: PLATFORM_TENANT,
      principal: { type: 'service', id: 'audit' },
      sessionId: null,
      permissions: [],
      subjects: [],
      namespaces: [],
      requestId: uuidV7(),
      clientAddress: '',
      userAgent: null,
    },
    endpoint: null,
    method: null,
    actor,
    startedAt: performance.now(),
  }
}
