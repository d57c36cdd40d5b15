import { RECEIPT_KEY_PATH } from '@memoric/contracts/well-known.ts'
import type { FastifyInstance } from 'fastify'
import type { ReceiptKeys } from './receipt-keys.ts'

/** Serves the keys by which anyone can check a receipt: a C2SP verifier key a line, the current one first. */
export function useReceiptKey(app: FastifyInstance, keys: ReceiptKeys): void {
  app.get(RECEIPT_KEY_PATH, async (_request, reply) => {
    const lines = await keys.verifierKeys()
    reply.header('cache-control', 'public, max-age=300').type('text/plain; charset=utf-8')
    return reply.send(lines.map((line) => `${line}\n`).join(''))
  })
}
