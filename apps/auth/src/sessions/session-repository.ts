import type { Role } from '@memoric/contracts/permissions.ts'
import { createToken, hashToken } from '@memoric/crypto/opaque-token.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { AuthConfig } from '../config.ts'
import { insertRefreshToken } from './refresh-token-repository.ts'

export const REFRESH_TOKEN_PREFIX = 'mr'

/** A session of an active user. */
export interface LiveSession {
  readonly tenantId: string
  readonly sessionId: string
  readonly userId: string
  readonly role: Role
}

/** A session that begins, with its first refresh token. */
export interface NewSession extends LiveSession {
  readonly refreshToken: string
}

type SessionLimits = Pick<AuthConfig, 'SESSION_LIFETIME_DAYS' | 'SESSION_IDLE_DAYS'>

export function newSession(user: { tenant_id: string; id: string; role: Role }): NewSession {
  return {
    tenantId: user.tenant_id,
    sessionId: uuidV7(),
    userId: user.id,
    role: user.role,
    refreshToken: createToken(REFRESH_TOKEN_PREFIX),
  }
}

/** Stores a session and its first token. */
export function insertSession(tx: Tx, session: NewSession, limits: SessionLimits) {
  const { tenantId, sessionId, userId, refreshToken } = session
  return [
    tx`
      insert into sessions (tenant_id, id, user_id, expires_at, idle_expires_at)
      values (${tenantId}, ${sessionId}, ${userId}, now() + make_interval(days => ${limits.SESSION_LIFETIME_DAYS}),
        now() + make_interval(days => ${limits.SESSION_IDLE_DAYS}))`,
    insertRefreshToken(tx, { tenantId, sessionId, hash: hashToken(refreshToken) }),
  ] as const
}

/** The session, if it is live and its user active; nobody else can use or end it until the transaction does. */
export function lockLiveSession(tx: Tx, tenantId: string, sessionId: string) {
  return tx<LiveSession[]>`
    select s.tenant_id as "tenantId", s.id as "sessionId", s.user_id as "userId", u.role
    from sessions s join users u on u.tenant_id = s.tenant_id and u.id = s.user_id
    where s.tenant_id = ${tenantId} and s.id = ${sessionId} and s.revoked_at is null
      and least(s.expires_at, s.idle_expires_at) > now() and u.deactivated_at is null
    for update of s`
}

/** Puts off the end of an idle session. */
export function prolongSession(tx: Tx, { tenantId, sessionId }: LiveSession, limits: SessionLimits) {
  return tx`
    update sessions set idle_expires_at = now() + make_interval(days => ${limits.SESSION_IDLE_DAYS})
    where tenant_id = ${tenantId} and id = ${sessionId}`
}

/** Ends a session; gives its user, or nothing when it had ended already. */
export function revokeSession(tx: Tx, tenantId: string, sessionId: string, reason: 'logout' | 'token_reused') {
  return tx<{ user_id: string }[]>`
    update sessions set revoked_at = now(), revoked_reason = ${reason}
    where tenant_id = ${tenantId} and id = ${sessionId} and revoked_at is null
    returning user_id`
}
