import type { Tx } from '@memoric/postgres/lease.ts'
import type { AuthConfig } from '../config.ts'
import { MINUTES_PER_DAY, type SignInMethod } from './new-session.ts'
import type { LiveSession } from './session-repository.ts'

/** The limits of the installation that count for sessions which have begun. */
export type SessionConfig = Pick<AuthConfig, 'SESSION_LIFETIME_DAYS' | 'SESSION_IDLE_DAYS'>

/**
 * When a session `s` of a tenant `t` ends at the latest, and when it ends unless it is used: as it was told when it began, or
 * earlier where the rules have become stricter since.
 */
export function sessionEnds(tx: Tx, config: SessionConfig) {
  return {
    lifetime: tx`least(s.expires_at, s.created_at + make_interval(days =>
      least(${config.SESSION_LIFETIME_DAYS}, (t.settings ->> 'session_lifetime_days')::int)))`,
    idle: tx`least(s.idle_expires_at, s.last_used_at + ${idleTime(tx, config)})`,
  }
}

/** How long a session of a tenant `t` may be unused. */
function idleTime(tx: Tx, config: SessionConfig) {
  return tx`make_interval(mins =>
    least(${config.SESSION_IDLE_DAYS * MINUTES_PER_DAY}, (t.settings ->> 'session_idle_minutes')::int))`
}

/** A live session, with what its tenant says of its use. */
export interface LockedSession extends LiveSession {
  readonly suspended: boolean
  readonly ip_allow_sealed: Uint8Array | null
}

/** The session, if it is live and its user active; nobody else can use or end it until the transaction does. */
export function lockLiveSession(tx: Tx, tenantId: string, sessionId: string, config: SessionConfig) {
  const { lifetime, idle } = sessionEnds(tx, config)
  return tx<LockedSession[]>`
    select s.tenant_id as "tenantId", s.id as "sessionId", s.user_id as "userId", u.role,
      t.suspended_at is not null as suspended, t.ip_allow_sealed
    from sessions s
    join users u on u.tenant_id = s.tenant_id and u.id = s.user_id
    join tenants t on t.id = s.tenant_id
    where s.tenant_id = ${tenantId} and s.id = ${sessionId} and s.revoked_at is null
      and least(${lifetime}, ${idle}) > now() and u.deactivated_at is null
    for update of s`
}

/** Notes the use of a session, which puts off its end. */
export function prolongSession(tx: Tx, { tenantId, sessionId }: LiveSession, config: SessionConfig) {
  return tx`
    update sessions s set last_used_at = now(), idle_expires_at = now() + ${idleTime(tx, config)}
    from tenants t
    where t.id = s.tenant_id and s.tenant_id = ${tenantId} and s.id = ${sessionId}`
}

/** A live session as its user sees it. */
export interface SessionRow {
  readonly tenant_id: string
  readonly id: string
  readonly created_at: Date
  readonly last_used_at: Date
  readonly expires_at: Date
  readonly idle_expires_at: Date
  readonly method: SignInMethod['method']
  readonly client_sealed: Uint8Array | null
}

/** The live sessions of a user, newest first: ids ascend with time. A user has a hundred of them at most. */
export function selectLiveSessions(tx: Tx, tenantId: string, userId: string, config: SessionConfig) {
  const { lifetime, idle } = sessionEnds(tx, config)
  return tx<SessionRow[]>`
    select s.tenant_id, s.id, s.created_at, s.last_used_at, ${lifetime} as expires_at, ${idle} as idle_expires_at, s.method,
      s.client_sealed
    from sessions s join tenants t on t.id = s.tenant_id
    where s.tenant_id = ${tenantId} and s.user_id = ${userId} and s.revoked_at is null
      and least(${lifetime}, ${idle}) > now()
    order by s.id desc`
}
