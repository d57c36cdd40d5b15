import { AppError } from '@memoric/service/app-error.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { anonymous } from '../authentication/authenticate.ts'
import { gatewayItself } from './gateway-itself.ts'
import type { Upstream } from './upstream.ts'

export const PUBLIC_KEYS_PATH = '/.well-known/jwks.json'

/** Entity tags that a client may send back (RFC 9110, section 13.1.2). */
const ENTITY_TAGS = /^[\w\-"/, *]{1,512}$/

/** Answers with the public keys of auth, by which anyone can check an access token. */
export async function answerPublicKeys(auth: Upstream, request: FastifyRequest, reply: FastifyReply) {
  const known = request.headers['if-none-match'] ?? ''
  const answer = await auth.request({
    method: 'GET',
    path: PUBLIC_KEYS_PATH,
    caller: anonymous(request),
    headers: ENTITY_TAGS.test(known) ? { 'if-none-match': known } : {},
  })
  reply.code(answer.status).header('cache-control', answer.headers['cache-control'] ?? 'no-store')
  if (answer.headers['etag'] !== undefined) reply.header('etag', answer.headers['etag'])
  if (answer.status === 304) return reply.send()
  return reply.type('application/json; charset=utf-8').send(answer.body)
}

/** The public keys for the gateway itself, as JSON. Throws AppError `service_unavailable`. */
export async function fetchPublicKeys(auth: Upstream): Promise<unknown> {
  const { status, body } = await auth.request({ method: 'GET', path: PUBLIC_KEYS_PATH, caller: gatewayItself() })
  if (status !== 200) throw new AppError('service_unavailable', { retryAfter: 1 })
  return JSON.parse(body.toString())
}
