import { randomUUID } from 'node:crypto'
import { type Caller, IDENTITY_HEADER, REQUEST_ID_HEADER, SERVICE_KEY_HEADER } from '@memoric/contracts/caller.ts'
import { PERMISSIONS } from '@memoric/contracts/permissions.ts'
import { signIdentity } from '@memoric/crypto/identity-statement.ts'
import { parseServiceKey } from '@memoric/crypto/service-key.ts'
import type { BenchRequest } from './load/closed-loop.ts'

type Service = 'auth' | 'memory'

/** Gives a request the service key and the signed identity that the gateway would send along to `service`. */
export type AsGateway = (service: Service, request: BenchRequest) => BenchRequest

/** Calls services directly: memory on behalf of an API key of the tenant, auth for the gateway itself. */
export function createDirectRequest(
  serviceKeys: Readonly<Record<Service, string>>,
  tenantId: Caller['tenantId'],
): AsGateway {
  const keys = { auth: keyOf(serviceKeys.auth), memory: keyOf(serviceKeys.memory) }
  const principals = {
    auth: { type: 'service', id: 'gateway' },
    memory: { type: 'api_key', id: randomUUID() },
  } as const
  return (service, request) => {
    const caller: Caller = {
      ...everything,
      permissions: [...PERMISSIONS],
      tenantId,
      principal: principals[service],
      requestId: randomUUID(),
    }
    const key = keys[service]
    const headers = {
      ...request.headers,
      [SERVICE_KEY_HEADER]: key.text,
      [IDENTITY_HEADER]: signIdentity(key.secret, service, { ...caller }, { now: Date.now() }),
      [REQUEST_ID_HEADER]: caller.requestId,
    }
    return { ...request, headers }
  }
}

const everything = {
  sessionId: null,
  subjects: '*',
  namespaces: '*',
  clientAddress: '127.0.0.1',
  userAgent: null,
} as const

function keyOf(text: string) {
  const key = parseServiceKey(text)
  if (key === null) throw new Error('A service key of the stack is damaged')
  return key
}
