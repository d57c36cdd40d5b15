import { AUDIT_KEY_PATH } from '@memoric/contracts/well-known.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { FastifyInstance } from 'fastify'
import { selectCheckpointKeys } from './checkpoint-key-repository.ts'

/** Serves the verifier keys of the log to anyone, one a line: the one that signs now first, then those that signed before. */
export function useAuditKey(app: FastifyInstance, { sql }: { readonly sql: Sql }): void {
  app.get(AUDIT_KEY_PATH, async (_request, reply) => {
    const [keys] = await systemFlight(sql, (tx) => [selectCheckpointKeys(tx)])
    reply.header('cache-control', 'public, max-age=300')
    return reply.type('text/plain; charset=utf-8').send(keys.map(({ verifierKey }) => `${verifierKey}\n`).join(''))
  })
}
