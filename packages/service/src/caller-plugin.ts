import { caller as callerSchema, IDENTITY_HEADER, SERVICE_KEY_HEADER, type Caller } from '@memoric/contracts/caller.ts'
import { verifyIdentity } from '@memoric/crypto/identity-statement.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from './app-error.ts'
import { serviceKeyHashes as hashesSchema } from './config.ts'
import { followFile } from './live-file.ts'
import { createServiceKeyCheck, type ServiceKeyHashes } from './service-key-check.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls, proven by the service key and the signed statement of the gateway. */
    caller: Caller
  }
}

export interface CallerOptions {
  /** Name of this app: statements made for another are refused. */
  readonly audience: string
  readonly serviceKeyHashes: ServiceKeyHashes
  /** Where the hashes are; what is written there later is in use within seconds. */
  readonly serviceKeyHashesFile?: string | undefined
  readonly now?: () => number
}

/**
 * Lets in only requests that carry a known service key and an identity statement made with it for this app and, where the
 * statement names a request, for that very request. Everything else is AppError `invalid_service_identity`.
 */
export function useCaller(app: FastifyInstance, options: CallerOptions): void {
  const { audience, now = Date.now } = options
  const hashes = followHashes(app, options)
  const secretOf = createServiceKeyCheck(() => hashes.current())
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
    return statedCaller(secret, statement, request)
  }

  function statedCaller(secret: string, statement: string, { raw: { method = '', url = '' } }: FastifyRequest): Caller {
    try {
      const claims = verifyIdentity(secret, audience, statement, { now: now(), request: { method, path: url } })
      return callerSchema.parse(claims)
    } catch (cause) {
      throw new AppError('invalid_service_identity', { cause })
    }
  }
}

function followHashes(app: FastifyInstance, { serviceKeyHashes, serviceKeyHashesFile }: CallerOptions) {
  const hashes = followFile<ServiceKeyHashes>({
    path: serviceKeyHashesFile ?? null,
    initial: serviceKeyHashes,
    parse: (text) => hashesSchema.parse(text),
    log: app.log,
  })
  app.addHook('onClose', (_app, done) => {
    hashes.close()
    done()
  })
  return hashes
}
