import { RECEIPT_KEY_PATH } from '@memoric/contracts/well-known.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { anonymous } from '../authentication/authenticate.ts'
import type { Upstream } from './upstream.ts'

/** Answers with the public keys of memory, by which anyone can check the receipt of an erasure. */
export async function answerReceiptKey(memory: Upstream, request: FastifyRequest, reply: FastifyReply) {
  const answer = await memory.request({ method: 'GET', path: RECEIPT_KEY_PATH, caller: anonymous(request) })
  reply.code(answer.status).header('cache-control', answer.headers['cache-control'] ?? 'no-store')
  return reply.type(String(answer.headers['content-type'] ?? 'text/plain; charset=utf-8')).send(answer.body)
}
