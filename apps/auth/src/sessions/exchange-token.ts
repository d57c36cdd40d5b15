import type { ErrorCode } from '@memoric/contracts/error-codes.ts'
import type { TenantId } from '@memoric/contracts/ids.ts'
import { createToken, hashToken } from '@memoric/crypto/opaque-token.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { createAddressCheck } from '@memoric/service/client-networks.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { Deps } from '../deps.ts'
import { forTheLog } from '../introspection/refusal.ts'
import { readNetworks } from '../tenants/tenant-settings.ts'
import {
  insertRefreshToken,
  markRefreshTokenUsed,
  type RefreshTokenPlace,
  selectRefreshToken,
} from './refresh-token-repository.ts'
import { lockLiveSession, type LockedSession, prolongSession } from './live-session-repository.ts'
import { type LiveSession, revokeSession } from './session-repository.ts'
import { REFRESH_TOKEN_PREFIX } from './new-session.ts'
import type { ContinuedSession } from './token-pair.ts'
import { tokenRefreshed, tokenReused } from './session-events.ts'

/** Seconds in which a used token gives the same successor again: the answer may have been lost, or two asked at once. */
const GRACE_SECONDS = 10

/** The session goes on with a token, or has ended because a used token came back. */
export type Exchange = { readonly session: ContinuedSession } | { readonly session: null }

/**
 * Exchanges a refresh token, one at a time for each session. Throws AppError `invalid_token` when the session is over,
 * `tenant_suspended` while it may not go on, `address_not_allowed` where it may not be used.
 */
export async function exchangeToken(
  tx: Tx,
  deps: Deps,
  presented: RefreshTokenPlace,
  context: RequestContext,
): Promise<Exchange> {
  const [session] = await lockLiveSession(tx, presented.tenantId, presented.sessionId, deps.config)
  const [token] = await selectRefreshToken(tx, presented)
  if (session === undefined || token === undefined) throw refusal('invalid_token', presented.tenantId)
  const { used_seconds_ago: age, successor_sealed: successor } = token
  if (age !== null && age > GRACE_SECONDS) return endSession(tx, deps, session, context)
  if (session.suspended) throw refusal('tenant_suspended', session.tenantId, session.userId)
  requireAllowedAddress(deps, session, context)
  if (age === null || successor === null) return rotate(tx, deps, presented, session, context)
  const refreshToken = deps.keys.credentials.open(successorPlace(presented), successor)
  await outboxInsert(tx, [tokenRefreshed(deps.events, session, context, { repeated: true })])
  return { session: { ...session, refreshToken } }
}

/** The token stays good for the addresses from which the session may be used. */
function requireAllowedAddress({ keys }: Deps, session: LockedSession, { caller }: RequestContext): void {
  const { tenantId, userId, ip_allow_sealed: sealed } = session
  const networks = readNetworks(keys.personal, tenantId, tenantId, sealed)
  if (networks === null || createAddressCheck([networks])?.(caller.clientAddress) === true) return
  throw refusal('address_not_allowed', tenantId, userId)
}

/** For a token that is known: its tenant is told that somebody came with it. */
function refusal(code: ErrorCode, tenantId: string, userId?: string): AppError {
  const principal = userId === undefined ? null : ({ type: 'user', id: userId } as const)
  // Of a row of that tenant.
  return new AppError(code, { headers: forTheLog({ reason: code, tenantId: tenantId as TenantId, principal }) })
}

async function rotate(
  tx: Tx,
  deps: Deps,
  used: RefreshTokenPlace,
  session: LiveSession,
  context: RequestContext,
): Promise<Exchange> {
  const refreshToken = createToken(REFRESH_TOKEN_PREFIX)
  const sealed = deps.keys.credentials.seal(successorPlace(used), refreshToken)
  await Promise.all([
    markRefreshTokenUsed(tx, used, sealed),
    insertRefreshToken(tx, { ...used, hash: hashToken(refreshToken) }),
    prolongSession(tx, session, deps.config),
    outboxInsert(tx, [tokenRefreshed(deps.events, session, context, { repeated: false })]),
  ])
  return { session: { ...session, refreshToken } }
}

async function endSession(tx: Tx, deps: Deps, session: LiveSession, context: RequestContext): Promise<Exchange> {
  await Promise.all([
    revokeSession(tx, session.tenantId, session.sessionId, 'token_reused'),
    outboxInsert(tx, [tokenReused(deps.events, session, context)]),
  ])
  return { session: null }
}

/** A successor opens beside the token that it follows only. */
function successorPlace({ tenantId, hash }: RefreshTokenPlace) {
  return { tenantId, recordId: hash.toString('hex'), field: 'successor' } as const
}
