import type { Role } from '@memoric/contracts/permissions.ts'
import type { TenantSettings } from '@memoric/contracts/tenant-contract.ts'
import { createToken } from '@memoric/crypto/opaque-token.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { AuthConfig } from '../config.ts'
import type { AuthKeys } from '../keys/auth-keys.ts'
import type { LiveSession } from './session-repository.ts'

export const REFRESH_TOKEN_PREFIX = 'mr'

export const MINUTES_PER_DAY = 1440

/** How a session begins. */
export interface SignInMethod {
  readonly method: 'password' | 'sso' | 'registration' | 'invitation'
  /** Whether a code or a recovery code was given too. */
  readonly secondFactor?: boolean
  readonly providerId?: string
}

/** How long sessions live, and how many of a user at once. */
export interface SessionLimits {
  readonly lifetimeDays: number
  readonly idleMinutes: number
  readonly perUser: number
}

/** A session that begins, with its first refresh token. */
export interface NewSession extends LiveSession, Required<Omit<SignInMethod, 'providerId'>> {
  readonly refreshToken: string
  readonly providerId: string | null
  readonly clientSealed: Uint8Array
  readonly limits: SessionLimits
}

/** The limits of the installation, made stricter by those of the tenant. */
export function sessionLimits(config: AuthConfig, settings: TenantSettings): SessionLimits {
  const strictest = (own: number, chosen: number | null): number => Math.min(own, chosen ?? own)
  return {
    lifetimeDays: strictest(config.SESSION_LIFETIME_DAYS, settings.session_lifetime_days),
    idleMinutes: strictest(config.SESSION_IDLE_DAYS * MINUTES_PER_DAY, settings.session_idle_minutes),
    perUser: strictest(config.SESSIONS_PER_USER, settings.sessions_per_user),
  }
}

interface SessionSource {
  readonly config: AuthConfig
  readonly keys: AuthKeys
}

/** A session for a user who has just proven to be one; `insertSession` stores it. */
export function newSession(
  { config, keys }: SessionSource,
  user: { readonly tenant_id: string; readonly id: string; readonly role: Role },
  settings: TenantSettings,
  { caller }: RequestContext,
  { method, secondFactor = false, providerId }: SignInMethod,
): NewSession {
  const [tenantId, sessionId] = [user.tenant_id, uuidV7()]
  const client = JSON.stringify({ ip_address: caller.clientAddress, user_agent: caller.userAgent })
  return {
    tenantId,
    sessionId,
    userId: user.id,
    role: user.role,
    refreshToken: createToken(REFRESH_TOKEN_PREFIX),
    method,
    secondFactor,
    providerId: providerId ?? null,
    clientSealed: keys.personal.seal({ tenantId, recordId: sessionId, field: 'session_client' }, client),
    limits: sessionLimits(config, settings),
  }
}
