import { caller as callerSchema, IDENTITY_HEADER, SERVICE_KEY_HEADER, type Caller } from '@memoric/contracts/caller.ts'
import { verifyIdentity } from '@memoric/crypto/identity-statement.ts'
import { parseServiceKey, verifyServiceKeySecret } from '@memoric/crypto/service-key.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from './app-error.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls, proven by the service key and the signed statement of the gateway. */
    caller: Caller
  }
}

export interface CallerOptions {
  /** Name of this app: statements made for another are refused. */
  readonly audience: string
  /** SHA-256 in hex of the service key of each caller. */
  readonly serviceKeyHashes: Readonly<Record<string, string>>
  readonly now?: () => number
}

/**
 * Lets in only requests that carry a known service key and an identity statement made with it for this app.
 * Everything else is AppError `invalid_service_identity`.
 */
export function useCaller(app: FastifyInstance, { audience, serviceKeyHashes, now = Date.now }: CallerOptions): void {
  const secretOf = createServiceKeyCheck(serviceKeyHashes)
  app.decorateRequest('caller')
  app.addHook('onRequest', (request, _reply, done) => {
    request.caller = identify(request)
    done()
  })

  function identify(request: FastifyRequest): Caller {
    const key = request.headers[SERVICE_KEY_HEADER]
    const statement = request.headers[IDENTITY_HEADER]
    if (typeof key !== 'string' || typeof statement !== 'string') throw new AppError('invalid_service_identity')
    const secret = secretOf(key)
    if (secret === null) throw new AppError('invalid_service_identity')
    return statedCaller(secret, statement)
  }

  function statedCaller(secret: string, statement: string): Caller {
    try {
      return callerSchema.parse(verifyIdentity(secret, audience, statement, { now: now() }))
    } catch (cause) {
      throw new AppError('invalid_service_identity', { cause })
    }
  }
}

/** Checks presented service keys against their hashes; gives the secret part, or null for a key that is not known. */
function createServiceKeyCheck(hashes: Readonly<Record<string, string>>): (text: string) => string | null {
  const stored = new Map(Object.entries(hashes).map(([name, hash]) => [name, Buffer.from(hash, 'hex')]))
  const known = new Map<string, string>()
  return (text) => {
    const secret = known.get(text)
    if (secret !== undefined) return secret
    const key = parseServiceKey(text)
    const hash = key === null ? undefined : stored.get(key.caller)
    if (key === null || hash === undefined || !verifyServiceKeySecret(key.secret, hash)) return null
    known.set(text, key.secret)
    return key.secret
  }
}
