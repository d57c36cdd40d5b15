import { hash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Deps } from '../deps.ts'

export const JWKS_PATH = '/.well-known/jwks.json'

/** Serves the public halves of the signing keys, to anyone: as they are in the database, or as they were while it is away. */
export function useJwks(app: FastifyInstance, { signingKeys, accessTokens, log }: JwksDeps): void {
  app.get(JWKS_PATH, async (request, reply) => {
    await signingKeys
      .reload()
      .catch((error: unknown) => log.warn({ err: error }, 'signing keys of a moment ago are served'))
    const body = JSON.stringify(accessTokens.jwks())
    const etag = `"${hash('sha256', body, 'base64url')}"`
    reply.header('cache-control', 'public, max-age=300').header('etag', etag)
    if (isKnown(request.headers['if-none-match'], etag)) return reply.code(304).send()
    return reply.type('application/json; charset=utf-8').send(body)
  })
}

type JwksDeps = Pick<Deps, 'signingKeys' | 'accessTokens' | 'log'>

/** RFC 9110, section 13.1.2: compared weakly. */
function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  const known = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return known.includes('*') || known.includes(etag)
}
