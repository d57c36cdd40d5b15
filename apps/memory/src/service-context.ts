import type { TenantId } from '@memoric/contracts/ids.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'

/** The context of work that the service does for a tenant by itself, for the events that tell of it. */
export function serviceContext(tenantId: TenantId, job: string): RequestContext {
  return {
    caller: {
      tenantId,
      principal: { type: 'service', id: 'memory' },
      sessionId: null,
      permissions: [],
      subjects: '*',
      namespaces: '*',
      requestId: uuidV7(),
      clientAddress: '',
      userAgent: null,
    },
    endpoint: job,
    method: 'JOB',
    startedAt: performance.now(),
  }
}
