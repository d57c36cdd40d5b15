import { ERRORS, type ErrorCode } from './error-codes.ts'

const OAUTH_ERRORS: Partial<Record<ErrorCode, string>> = {
  unsupported_grant_type: 'unsupported_grant_type',
  invalid_scope: 'invalid_scope',
  invalid_client: 'invalid_client',
  address_not_allowed: 'unauthorized_client',
  rate_limited: 'temporarily_unavailable',
}

/** The `error` that OAuth clients look at (RFC 6749 section 5.2; section 4.1.2.1 for what passes by itself). */
export function oauthErrorOf(code: ErrorCode): string {
  return OAUTH_ERRORS[code] ?? (ERRORS[code].status < 500 ? 'invalid_request' : 'temporarily_unavailable')
}
