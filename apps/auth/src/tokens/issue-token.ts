import type { TenantId } from '@memoric/contracts/ids.ts'
import type { Grant } from '@memoric/contracts/introspection.ts'
import type { ApiKey } from '@memoric/crypto/api-key.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { createAddressCheck } from '@memoric/service/client-networks.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { introspectApiKey } from '../introspection/introspect-api-key.ts'
import { forTheLog } from '../introspection/refusal.ts'
import { ACCESS_TOKEN_SECONDS, type ClientTokenClaims } from '../signing-keys/access-tokens.ts'
import { tenantScope } from '../tenant-scope.ts'
import { invalidClient, presentedClient } from './presented-client.ts'
import { requestedScopes } from './requested-scopes.ts'

/** Gives a short-lived access token for an API key (RFC 6749 section 4.4). */
export function issueToken(deps: Deps): Handler<'issueToken'> {
  return async ({ body, headers: { authorization }, context }) => {
    if (body.grant_type !== 'client_credentials') throw new AppError('unsupported_grant_type')
    const key = presentedClient(authorization, body, deps.config.MEMORIC_ENV)
    const grant = await authenticate(deps, key, context)
    const claims = claimsOf(key, grant, requestedScopes(body.scope, grant.permissions).join(' '))
    const access_token = await deps.accessTokens.signForClient(claims)
    await tell(deps, claims, context)
    const { scope, lifetime: expires_in } = claims
    const answer = { access_token, token_type: 'Bearer' as const, expires_in, scope }
    return { status: 200, body: answer, headers: { 'cache-control': 'no-store' } }
  }
}

/** Throws AppError `invalid_client` or `address_not_allowed`. */
async function authenticate(deps: Deps, { keyId, secret }: ApiKey, { caller }: RequestContext): Promise<Grant> {
  const { grant, refusal } = await introspectApiKey(deps, { kind: 'api_key', key_id: keyId, secret })
  if (grant === null) throw invalidClient(forTheLog(refusal))
  const isAllowed = createAddressCheck(grant.networks)
  if (isAllowed?.(caller.clientAddress) === false) {
    const { tenantId, principal } = grant
    throw new AppError('address_not_allowed', {
      headers: forTheLog({ reason: 'address_not_allowed', tenantId, principal }),
    })
  }
  return grant
}

/** A token never outlives its key; one of no second is none. */
function claimsOf({ keyId }: ApiKey, grant: Grant, scope: string): ClientTokenClaims {
  const left = Math.floor((grant.expiresAt - Date.now()) / 1000)
  if (left < 1) throw invalidClient()
  const lifetime = Math.min(left, ACCESS_TOKEN_SECONDS)
  return { apiKeyId: grant.grantId, keyId, tenantId: grant.tenantId, scope, jti: uuidV7(), lifetime }
}

/** The client acts, whoever sent the request. */
async function tell(deps: Deps, claims: ClientTokenClaims, context: RequestContext): Promise<void> {
  const event = deps.events({
    type: 'auth.token.issued',
    context,
    // Of a grant.
    tenantId: claims.tenantId as TenantId,
    actor: `api_key:${claims.apiKeyId}`,
    resourceId: claims.apiKeyId,
    statusCode: 200,
    details: {
      key_id: claims.keyId,
      scopes: claims.scope.split(' '),
      jti: claims.jti,
      lifetime_seconds: claims.lifetime,
    },
  })
  await tenantFlight(deps.sql, tenantScope(claims.tenantId), (tx) => [outboxInsert(tx, [event])])
  deps.relay.wake()
}
