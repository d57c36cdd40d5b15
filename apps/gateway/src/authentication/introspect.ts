import type { Caller } from '@memoric/contracts/caller.ts'
import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import { INTROSPECT_PATH, introspectAnswer, type Grant, type IntrospectBody } from '@memoric/contracts/introspection.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { Upstream } from '../forwarding/upstream.ts'

/** Asks auth what stands behind a credential; null when it does not stand. Throws AppError `service_unavailable`, `bad_upstream`. */
export async function introspect(auth: Upstream, question: IntrospectBody): Promise<Grant | null> {
  const answer = await auth.request({
    method: 'POST',
    path: INTROSPECT_PATH,
    caller: gatewayItself(),
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(question),
  })
  if (answer.status >= 500) throw new AppError('service_unavailable', { retryAfter: 1 })
  try {
    if (answer.status !== 200) throw new Error(`auth answered ${answer.status}`)
    return introspectAnswer.parse(JSON.parse(answer.body.toString())).grant
  } catch (cause) {
    throw new AppError('bad_upstream', { cause })
  }
}

function gatewayItself(): Caller {
  return {
    tenantId: PLATFORM_TENANT,
    principal: { type: 'service', id: 'gateway' },
    permissions: [],
    subjects: [],
    namespaces: [],
    requestId: uuidV7(),
    clientAddress: '',
    userAgent: null,
  }
}
