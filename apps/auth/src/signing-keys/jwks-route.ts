import type { FastifyInstance } from 'fastify'
import type { AccessTokens } from './access-tokens.ts'

/** Serves the public halves of the signing keys, to anyone. */
export function useJwks(app: FastifyInstance, accessTokens: AccessTokens): void {
  app.get('/.well-known/jwks.json', (_request, reply) =>
    reply.header('cache-control', 'public, max-age=300').type('application/json').send(accessTokens.jwks()),
  )
}
