import { type Caller, IDENTITY_HEADER, SERVICE_KEY_HEADER } from '@memoric/contracts/caller.ts'
import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import { signIdentity } from '@memoric/crypto/identity-statement.ts'
import type { ServiceKey } from '@memoric/crypto/service-key.ts'

const anonymous: Caller = {
  tenantId: PLATFORM_TENANT,
  principal: { type: 'anonymous', id: 'anonymous' },
  sessionId: null,
  permissions: [],
  subjects: [],
  namespaces: [],
  requestId: 'request-of-a-test',
  clientAddress: '192.0.2.1',
  userAgent: 'a test',
}

/** Headers by which a service states to `audience` who calls; what `caller` leaves out is that of an anonymous caller. */
export function callerHeaders(
  serviceKey: ServiceKey,
  audience: string,
  caller: Partial<Caller> = {},
): Record<string, string> {
  const statement = signIdentity(serviceKey.secret, audience, { ...anonymous, ...caller }, { now: Date.now() })
  return { [SERVICE_KEY_HEADER]: serviceKey.text, [IDENTITY_HEADER]: statement }
}
