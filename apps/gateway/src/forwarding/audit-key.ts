import { AUDIT_KEY_PATH } from '@memoric/contracts/well-known.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { anonymous } from '../authentication/authenticate.ts'
import type { Upstream } from './upstream.ts'

/** Answers with the public keys of audit, by which anyone can check a checkpoint of the log. */
export async function answerAuditKey(audit: Upstream, request: FastifyRequest, reply: FastifyReply) {
  const answer = await audit.request({ method: 'GET', path: AUDIT_KEY_PATH, caller: anonymous(request) })
  reply.code(answer.status).header('cache-control', answer.headers['cache-control'] ?? 'no-store')
  return reply.type(String(answer.headers['content-type'] ?? 'text/plain; charset=utf-8')).send(answer.body)
}
