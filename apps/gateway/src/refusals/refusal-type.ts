import { ERRORS, type ErrorCode } from '@memoric/contracts/error-codes.ts'
import type { RefusalType } from '@memoric/contracts/refusals.ts'
import type { Route } from '@memoric/contracts/route.ts'
import { ROUTES } from '@memoric/contracts/route-table.ts'

/** What auth writes into the log by itself, with more than the gateway knows: whose account it was. */
const TOLD_BY_AUTH: readonly ErrorCode[] = [
  'invalid_credentials',
  'totp_required',
  'invalid_code',
  'sign_in_throttled',
  'sso_required',
  'sso_refused',
  'refresh_token_reused',
]

/** Whoever signs in is refused by auth in any case. */
const SIGN_INS: readonly Route[] = [ROUTES.login, ROUTES.finishSso]

/** Whether the answer of a route is told by auth. */
export function isToldByAuth(route: Route, code: ErrorCode): boolean {
  if (SIGN_INS.includes(route) && [401, 403].includes(ERRORS[code].status)) return true
  return route.app === 'auth' && TOLD_BY_AUTH.includes(code)
}

/**
 * The event of a refusal, or null for what is none. Addresses that are nothing are asked for by scanners all day: of those only
 * ids are told that a known caller asked for, as they may be somebody else's.
 */
export function refusalType(code: ErrorCode, isIdOfKnownCaller: boolean): RefusalType | null {
  const { status } = ERRORS[code]
  if (code === 'invalid_api_key' || code === 'invalid_client') return 'auth.key.rejected'
  if (code === 'invalid_token') return 'auth.token.rejected'
  if (status === 401 || status === 403) return 'authz.denied'
  if (code === 'quota_exceeded') return 'request.refused'
  if (status === 429) return 'rate_limit.exceeded'
  if (status === 404) return isIdOfKnownCaller ? 'request.refused' : null
  return [400, 408, 413, 415, 431].includes(status) ? 'request.refused' : null
}
