import type { Caller } from '@memoric/contracts/caller.ts'
import type { TenantId } from '@memoric/contracts/ids.ts'

/** A caller with every limit open, unless told otherwise. */
export function testCaller(changes: Partial<Caller> = {}): Caller {
  return {
    tenantId: '0198c2f0-0000-7000-8000-000000000001' as TenantId,
    principal: { type: 'api_key', id: '0198c2f0-0000-7000-8000-000000000002' },
    sessionId: null,
    permissions: ['memories:read', 'memories:write'],
    subjects: '*',
    namespaces: '*',
    requestId: '0198c2f0-0000-7000-8000-000000000003',
    clientAddress: '203.0.113.9',
    userAgent: 'planted-agent/1.0',
    ...changes,
  }
}
