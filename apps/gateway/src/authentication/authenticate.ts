import type { Caller } from '@memoric/contracts/caller.ts'
import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import type { Grant } from '@memoric/contracts/introspection.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { FastifyRequest } from 'fastify'
import type { Upstream } from '../forwarding/upstream.ts'
import type { AccessTokenCheck } from './access-token.ts'
import { credentialOf, type Credential } from './credential.ts'
import type { GrantCache } from './grant-cache.ts'
import { introspect } from './introspect.ts'

export interface AuthenticationDeps {
  readonly auth: Upstream
  readonly grants: GrantCache
  readonly checkAccessToken: AccessTokenCheck
}

const LONGEST_USER_AGENT = 256

/**
 * Who sends this request. Without a credential the caller is anonymous and may do what anyone may.
 * Throws AppError `invalid_token`, `invalid_api_key`, `malformed_request`, `service_unavailable`.
 */
export async function authenticate(deps: AuthenticationDeps, request: FastifyRequest): Promise<Caller> {
  const credential = credentialOf(request.raw)
  if (credential === null) return anonymous(request)
  const grant = await deps.grants.get(credential.text, () => load(deps, credential))
  if (grant === null) throw new AppError(credential.kind === 'api_key' ? 'invalid_api_key' : 'invalid_token')
  const { tenantId, principal, permissions, subjects, namespaces } = grant
  return { tenantId, principal, permissions, subjects, namespaces, ...origin(request) }
}

async function load({ auth, checkAccessToken }: AuthenticationDeps, credential: Credential): Promise<Grant | null> {
  if (credential.kind === 'api_key') {
    return introspect(auth, { kind: 'api_key', key_id: credential.keyId, secret: credential.secret })
  }
  const { sid, sub, tenant_id, exp } = await checkAccessToken(credential.text)
  const grant = await introspect(auth, { kind: 'session', session_id: sid, user_id: sub })
  if (grant?.tenantId !== tenant_id) return null
  return { ...grant, expiresAt: Math.min(grant.expiresAt, exp * 1000) }
}

/** The caller of a request without a valid credential. */
export function anonymous(request: FastifyRequest): Caller {
  return {
    tenantId: PLATFORM_TENANT,
    principal: { type: 'anonymous', id: 'anonymous' },
    permissions: [],
    subjects: [],
    namespaces: [],
    ...origin(request),
  }
}

function origin(request: FastifyRequest) {
  return {
    requestId: request.id,
    clientAddress: request.ip.replace(/^::ffff:(?=\d+\.)/, ''),
    userAgent: request.headers['user-agent']?.slice(0, LONGEST_USER_AGENT) ?? null,
  }
}
