import { ACCESS_TOKEN_SECONDS, type AccessTokens } from '../signing-keys/access-tokens.ts'
import type { LiveSession } from './session-repository.ts'

/** A session with the refresh token that continues it. */
export interface ContinuedSession extends LiveSession {
  readonly refreshToken: string
}

/** The tokens of a session as the API answers them. */
export async function tokenPair(accessTokens: AccessTokens, session: ContinuedSession) {
  return {
    access_token: await accessTokens.sign(session),
    refresh_token: session.refreshToken,
    token_type: 'Bearer' as const,
    expires_in: ACCESS_TOKEN_SECONDS,
  }
}
