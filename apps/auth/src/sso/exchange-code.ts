import { OutboundError } from '@memoric/service/outbound-error.ts'
import type { ClientError, Configuration, ResponseBodyError } from 'openid-client'
import { ProviderFault } from './provider-fault.ts'
import type { SsoAttempt } from './sso-attempt.ts'
import type { SsoSettings } from './sso-settings.ts'
import type { Claims } from './vouched-person.ts'

/** Parameters with which a provider sends a browser back. */
export interface CallbackParameters {
  readonly code?: string | undefined
  readonly iss?: string | undefined
}

/** The provider answered, and its answer does not vouch for the person of this attempt. */
export class NotVouched extends Error {
  override readonly name = 'NotVouched'
  readonly reason: 'code_refused' | 'answer_refused'

  constructor(reason: NotVouched['reason']) {
    super('the answer of the provider is not for this attempt, or not its own')
    this.reason = reason
  }
}

/**
 * Exchanges a code for the claims of an ID token that belongs to the attempt, and of UserInfo where the token lacks some.
 * Checks state, issuer (RFC 9207), nonce, audience, expiry and signature. Throws NotVouched or ProviderFault; what the library
 * throws may hold tokens and goes no further.
 */
export async function exchangeCode(
  client: Configuration,
  redirectUri: string,
  { code = '', iss }: CallbackParameters,
  attempt: SsoAttempt,
  settings: SsoSettings,
): Promise<Claims> {
  const callback = new URL(redirectUri)
  callback.search = new URLSearchParams({ code, state: attempt.state, ...(iss !== undefined && { iss }) }).toString()
  try {
    const { authorizationCodeGrant } = await import('openid-client')
    const checks = { expectedState: attempt.state, expectedNonce: attempt.nonce, pkceCodeVerifier: attempt.verifier }
    const tokens = await authorizationCodeGrant(client, callback, checks)
    const claims = tokens.claims()
    if (claims === undefined) throw new NotVouched('answer_refused')
    return await completed(client, claims, tokens.access_token, settings)
  } catch (error) {
    throw faultOf(error)
  }
}

/** Providers may give address and groups by UserInfo alone. What the signed token says counts first. */
async function completed(
  client: Configuration,
  claims: Claims,
  accessToken: string,
  { role_claim }: SsoSettings,
): Promise<Claims> {
  const wanted = ['email', 'email_verified', ...(role_claim === null ? [] : [role_claim])]
  const isComplete = wanted.every((name) => Object.hasOwn(claims, name))
  if (isComplete || client.serverMetadata().userinfo_endpoint === undefined) return claims
  const { fetchUserInfo } = await import('openid-client')
  return { ...(await fetchUserInfo(client, accessToken, claims.sub)), ...claims }
}

/** Errors of the library about what an answer says, as opposed to those about getting one. */
const REFUSING_CODES = [
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_KEY_SELECTION_FAILED',
  'OAUTH_UNSUPPORTED_OPERATION',
]

/** RFC 6749 section 5.2: the client is not the one that it should be, or not set up as it should be. */
const CLIENT_ERRORS = ['invalid_client', 'unauthorized_client', 'unsupported_grant_type']

type LibraryError = Partial<Pick<ClientError, 'code' | 'cause'> & Pick<ResponseBodyError, 'error' | 'status'>>

function faultOf(thrown: unknown): NotVouched | ProviderFault {
  if (thrown instanceof NotVouched || thrown instanceof ProviderFault) return thrown
  const { code, cause, error, status }: LibraryError = thrown instanceof Error ? thrown : {}
  if (cause instanceof OutboundError) return new ProviderFault(cause.code)
  if (code === 'OAUTH_RESPONSE_BODY_ERROR' && error === 'invalid_grant') return new NotVouched('code_refused')
  if (status === 401 || (error !== undefined && CLIENT_ERRORS.includes(error)))
    return new ProviderFault('client_refused')
  if (code !== undefined && REFUSING_CODES.includes(code)) return new NotVouched('answer_refused')
  return new ProviderFault('no_usable_answer')
}
