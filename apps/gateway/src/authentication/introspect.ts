import {
  INTROSPECT_PATH,
  introspectAnswer,
  type IntrospectAnswer,
  type IntrospectBody,
} from '@memoric/contracts/introspection.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { gatewayItself } from '../forwarding/gateway-itself.ts'
import type { Upstream } from '../forwarding/upstream.ts'

/** Asks auth what stands behind a credential, or why it does not stand. Throws AppError `service_unavailable`, `bad_upstream`. */
export async function introspect(auth: Upstream, question: IntrospectBody): Promise<IntrospectAnswer> {
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
    return introspectAnswer.parse(JSON.parse(answer.body.toString()))
  } catch (cause) {
    throw new AppError('bad_upstream', { cause })
  }
}
