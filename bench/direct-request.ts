import { type Caller, IDENTITY_HEADER, REQUEST_ID_HEADER, SERVICE_KEY_HEADER } from '@memoric/contracts/caller.ts'
import { PERMISSIONS } from '@memoric/contracts/permissions.ts'
import { randomUUID } from 'node:crypto'
import { signIdentity } from '../packages/crypto/src/identity-statement.ts'
import { parseServiceKey } from '../packages/crypto/src/service-key.ts'
import type { BenchRequest } from './load/closed-loop.ts'
import { get } from './load/requests.ts'

/** Makes reads of the memory service that come as if through the gateway, with a service key and a signed identity. */
export function createDirectRequest(serviceKey: string, tenantId: Caller['tenantId']): (path: string) => BenchRequest {
  const key = parseServiceKey(serviceKey)
  if (key === null) throw new Error('The service key of the memory service is damaged')
  const caller: Omit<Caller, 'requestId'> = {
    tenantId,
    principal: { type: 'api_key', id: randomUUID() },
    permissions: [...PERMISSIONS],
    subjects: '*',
    namespaces: '*',
    clientAddress: '127.0.0.1',
    userAgent: null,
  }
  return (path) => {
    const requestId = randomUUID()
    return get(path, {
      [SERVICE_KEY_HEADER]: key.text,
      [IDENTITY_HEADER]: signIdentity(key.secret, 'memory', { ...caller, requestId }, { now: Date.now() }),
      [REQUEST_ID_HEADER]: requestId,
    })
  }
}
