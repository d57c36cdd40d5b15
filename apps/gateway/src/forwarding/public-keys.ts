import type { FastifyReply, FastifyRequest } from 'fastify'
import { anonymous } from '../authentication/authenticate.ts'
import type { Upstream } from './upstream.ts'

export const PUBLIC_KEYS_PATH = '/.well-known/jwks.json'

/** Answers with the public keys of auth, by which anyone can check an access token. */
export async function answerPublicKeys(auth: Upstream, request: FastifyRequest, reply: FastifyReply) {
  const answer = await auth.request({ method: 'GET', path: PUBLIC_KEYS_PATH, caller: anonymous(request) })
  return reply
    .code(answer.status)
    .header('cache-control', answer.headers['cache-control'] ?? 'no-store')
    .type('application/json; charset=utf-8')
    .send(answer.body)
}
