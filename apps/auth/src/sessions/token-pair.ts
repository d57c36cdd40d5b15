import { ACCESS_TOKEN_SECONDS, type AccessTokens } from '../signing-keys/access-tokens.ts'
import type { NewSession } from './session-repository.ts'

/** The tokens of a session as the API answers them. */
export async function tokenPair(accessTokens: AccessTokens, session: NewSession) {
  return {
    access_token: await accessTokens.sign(session),
    refresh_token: session.refreshToken,
    token_type: 'Bearer' as const,
    expires_in: ACCESS_TOKEN_SECONDS,
  }
}
