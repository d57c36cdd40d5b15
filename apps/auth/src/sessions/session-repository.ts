import type { Role } from '@memoric/contracts/permissions.ts'
import { hashToken } from '@memoric/crypto/opaque-token.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { NewSession } from './new-session.ts'
import { insertRefreshToken } from './refresh-token-repository.ts'

/** Why a session ended before its time. */
export type RevocationReason =
  | 'logout'
  | 'token_reused'
  | 'revoked'
  | 'revoked_by_admin'
  | 'password_changed'
  | 'password_reset'
  | 'deactivated'
  | 'totp_enabled'
  | 'totp_reset'
  | 'too_many'
  | 'provider_removed'
  | 'promoted'
  | 'contained'

/** A session of an active user. */
export interface LiveSession {
  readonly tenantId: string
  readonly sessionId: string
  readonly userId: string
  readonly role: Role
}

/** The user who signs in, once nobody else can change it. */
interface LockedUser {
  readonly password_hash: string | null
  /** Whether the user and the tenant may sign in. */
  readonly active: boolean
}

/**
 * Stores a session and its first token, and ends those of the user that were unused longest and are now too many. The last two of
 * the results hold the user and the ids of the sessions that ended; `storeSession` and `startSession` look after both.
 */
export function insertSession(tx: Tx, session: NewSession) {
  const { tenantId, sessionId, userId, limits, refreshToken } = session
  return [
    tx`select 1 from users where tenant_id = ${tenantId} and id = ${userId} for update`,
    tx`
      insert into sessions (tenant_id, id, user_id, expires_at, idle_expires_at, method, provider_id, second_factor,
        client_sealed)
      values (${tenantId}, ${sessionId}, ${userId}, now() + make_interval(days => ${limits.lifetimeDays}),
        now() + make_interval(mins => ${limits.idleMinutes}), ${session.method}, ${session.providerId},
        ${session.secondFactor}, ${session.clientSealed})`,
    insertRefreshToken(tx, { tenantId, sessionId, hash: hashToken(refreshToken) }),
    noteSignIn(tx, session),
    endSurplus(tx, session),
  ] as const
}

/** A statement after the lock: it sees what those did who held the lock before, to the tenant too. */
function noteSignIn(tx: Tx, { tenantId, userId }: NewSession) {
  return tx<LockedUser[]>`
    update users u set last_sign_in_at = now()
    from tenants t
    where t.id = u.tenant_id and u.tenant_id = ${tenantId} and u.id = ${userId}
    returning u.password_hash, u.deactivated_at is null and t.suspended_at is null as active`
}

function endSurplus(tx: Tx, { tenantId, userId, sessionId, limits }: NewSession) {
  return tx<{ id: string }[]>`
    with surplus as (
      select id from sessions
      where tenant_id = ${tenantId} and user_id = ${userId} and id <> ${sessionId} and revoked_at is null
        and least(expires_at, idle_expires_at) > now()
      order by last_used_at desc, id desc offset ${limits.perUser - 1}
    ), locked as (
      select id from sessions
      where tenant_id = ${tenantId} and id in (select id from surplus) and revoked_at is null
      order by id for update
    )
    update sessions set revoked_at = now(), revoked_reason = 'too_many'
    where tenant_id = ${tenantId} and id in (select id from locked)
    returning id`
}

/** How the user of a session signed in. */
export function selectSessionMethod(tx: Tx, tenantId: string, sessionId: string | null) {
  return tx<{ method: string }[]>`select method from sessions where tenant_id = ${tenantId} and id = ${sessionId}`
}

/** Ends a session; gives its user, or nothing when it had ended already. */
export function revokeSession(tx: Tx, tenantId: string, sessionId: string, reason: RevocationReason) {
  return tx<{ user_id: string }[]>`
    update sessions set revoked_at = now(), revoked_reason = ${reason}
    where tenant_id = ${tenantId} and id = ${sessionId} and revoked_at is null
    returning user_id`
}

/** Which live sessions of a tenant; a part that is left out does not narrow the choice. */
export interface SessionChoice {
  readonly tenantId: string
  readonly userId?: string
  readonly sessionId?: string
  readonly providerId?: string
  readonly method?: 'sso'
  /** The session that stays. */
  readonly except?: string | null
}

/** Ends live sessions, locked in one order so that two who end several never wait for each other in a circle. */
export function endLiveSessions(
  tx: Tx,
  { tenantId, userId, sessionId, providerId, method, except }: SessionChoice,
  reason: RevocationReason,
) {
  return tx<{ id: string; user_id: string }[]>`
    with live as (
      select id from sessions
      where tenant_id = ${tenantId} and revoked_at is null and least(expires_at, idle_expires_at) > now()
        ${userId === undefined ? tx`` : tx`and user_id = ${userId}`}
        ${sessionId === undefined ? tx`` : tx`and id = ${sessionId}`}
        ${providerId === undefined ? tx`` : tx`and provider_id = ${providerId}`}
        ${method === undefined ? tx`` : tx`and method = ${method}`}
        ${except == null ? tx`` : tx`and id <> ${except}`}
      order by id
      for update
    )
    update sessions set revoked_at = now(), revoked_reason = ${reason}
    where tenant_id = ${tenantId} and id in (select id from live)
    returning id, user_id`
}
