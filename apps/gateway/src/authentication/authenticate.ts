import type { Caller } from '@memoric/contracts/caller.ts'
import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import type { IntrospectBody, Refusal } from '@memoric/contracts/introspection.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { statedAddress } from '@memoric/service/client-networks.ts'
import type { FastifyRequest } from 'fastify'
import type { Upstream } from '../forwarding/upstream.ts'
import type { RateLimits } from '../limits/rate-limits.ts'
import { RefusedCredential } from '../refusals/refused-credential.ts'
import type { AccessTokenCheck } from './access-token.ts'
import { credentialOf, type Credential } from './credential.ts'
import type { GrantCache } from './grant-cache.ts'
import { introspect } from './introspect.ts'
import { liveGrant, type LiveGrant } from './live-grant.ts'

export interface AuthenticationDeps {
  readonly auth: Upstream
  readonly grants: GrantCache
  readonly checkAccessToken: AccessTokenCheck
}

/** What is asked before auth is, and told when a credential does not stand. */
export interface Guarded extends AuthenticationDeps {
  readonly limits: Pick<RateLimits, 'requireFewRefused' | 'countRefused'>
}

const LONGEST_USER_AGENT = 256

/**
 * Finds out who sends a request, as `request.caller`, and gives the grant behind the credential. Without a credential there is none: the
 * caller is anonymous and may do what anyone may.
 * Throws AppError `invalid_token`, `invalid_api_key`, `address_not_allowed`, `malformed_request`, `rate_limited`, `service_unavailable`.
 */
export async function authenticate(deps: Guarded, request: FastifyRequest): Promise<LiveGrant | null> {
  request.caller = anonymous(request)
  const credential = credentialOf(request.raw)
  if (credential === null) return null
  const grant = await deps.grants.get(credential.text, (wasGranted) => load(deps, credential, request, wasGranted))
  if (grant === null) throw new AppError(refusalCode(credential))
  const { tenantId, principal, permissions, subjects, namespaces, settings } = grant
  const { requestId, clientAddress, userAgent } = request.caller
  const sessionId = principal.type === 'user' ? grant.grantId : null
  const caller = { tenantId, principal, sessionId, permissions, subjects, namespaces }
  request.caller = { ...caller, requestId, clientAddress, userAgent, ...(settings && { settings }) }
  if (grant.admits?.(clientAddress) === false) throw new AppError('address_not_allowed')
  return grant
}

/** Those who guess soon do not reach auth any more; a credential that stood until now is no guess. */
async function load(
  deps: Guarded,
  credential: Credential,
  request: FastifyRequest,
  wasGranted: boolean,
): Promise<LiveGrant> {
  const { question, tenantId, expiresAt } = await questionAbout(deps, credential)
  if (!wasGranted) await deps.limits.requireFewRefused(request)
  const { grant, refusal } = await introspect(deps.auth, question)
  if (grant === null || (tenantId !== null && grant.tenantId !== tenantId)) {
    await deps.limits.countRefused(request)
    throw new AppError(refusalCode(credential), { cause: new RefusedCredential(refusal ?? UNKNOWN) })
  }
  return liveGrant({ ...grant, expiresAt: Math.min(grant.expiresAt, expiresAt) })
}

function refusalCode({ kind }: Credential) {
  return kind === 'api_key' ? 'invalid_api_key' : 'invalid_token'
}

/** Of a token that names another tenant than its session or key has. */
const UNKNOWN: Refusal = { reason: 'unknown', tenantId: null, principal: null }

interface Question {
  readonly question: IntrospectBody
  /** The tenant that the credential names; null when it names none. */
  readonly tenantId: string | null
  /** End of the credential itself, ms since the epoch. */
  readonly expiresAt: number
}

async function questionAbout({ checkAccessToken }: AuthenticationDeps, credential: Credential): Promise<Question> {
  if (credential.kind === 'api_key') {
    const question = { kind: 'api_key', key_id: credential.keyId, secret: credential.secret } as const
    return { question, tenantId: null, expiresAt: Infinity }
  }
  const claims = await checkAccessToken(credential.text)
  const question =
    claims.kind === 'session'
      ? ({ kind: 'session', session_id: claims.sid, user_id: claims.sub } as const)
      : ({ kind: 'client', api_key_id: claims.sub, scopes: claims.scopes } as const)
  return { question, tenantId: claims.tenant_id, expiresAt: claims.exp * 1000 }
}

/** The caller of a request without a valid credential. */
export function anonymous(request: FastifyRequest): Caller {
  return {
    tenantId: PLATFORM_TENANT,
    principal: { type: 'anonymous', id: 'anonymous' },
    sessionId: null,
    permissions: [],
    subjects: [],
    namespaces: [],
    ...origin(request),
  }
}

function origin(request: FastifyRequest) {
  return {
    requestId: request.id,
    clientAddress: statedAddress(request.ip),
    userAgent: request.headers['user-agent']?.slice(0, LONGEST_USER_AGENT) ?? null,
  }
}
