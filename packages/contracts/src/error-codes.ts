import { z } from 'zod'

/** Every error that Memoric answers: its HTTP status and its title. The code is the last part of the problem's `type`. */
export const ERRORS = {
  malformed_request: { status: 400, title: 'The request could not be read' },
  malformed_json: { status: 400, title: 'The body is not valid JSON' },
  validation_failed: { status: 400, title: 'The request does not have the right shape' },
  invalid_last_event_id: { status: 400, title: 'The Last-Event-ID is not one that the stream gave' },
  invalid_cursor: { status: 400, title: 'The cursor is not one that this endpoint gave' },
  unsupported_grant_type: { status: 400, title: 'This way to get a token is not offered' },
  invalid_scope: { status: 400, title: 'The key does not have one of the scopes asked for' },
  authentication_required: { status: 401, title: 'A credential is required' },
  invalid_credentials: { status: 401, title: 'The e-mail or the password is wrong' },
  totp_required: { status: 401, title: 'A code of the authenticator app is needed too' },
  invalid_code: { status: 401, title: 'The code is not right, or was used before' },
  invalid_client: { status: 401, title: 'The client is not known, or its secret is wrong' },
  invalid_token: { status: 401, title: 'The token is not valid' },
  invalid_api_key: { status: 401, title: 'The API key is not valid' },
  refresh_token_reused: { status: 401, title: 'The refresh token was used before; the session has ended' },
  invalid_service_identity: { status: 401, title: 'The calling service did not prove who it is' },
  permission_denied: { status: 403, title: 'The credential does not have the permission' },
  session_required: { status: 403, title: 'Only a signed-in user can do this' },
  no_password: { status: 403, title: 'The user has no password' },
  recent_sign_in_required: { status: 403, title: 'Sign in again, or send the password, to do this' },
  sso_required: { status: 403, title: 'The tenant asks its members to sign in through its identity provider' },
  sso_refused: { status: 403, title: 'The identity provider did not vouch for a member of the tenant' },
  tenant_suspended: { status: 403, title: 'The tenant is suspended' },
  address_not_allowed: { status: 403, title: 'The credential may not be used from this address' },
  owner_required: { status: 403, title: 'Only an owner can do this' },
  consent_required: { status: 403, title: 'The subject has not consented to this, or no longer' },
  consent_withdrawn: { status: 403, title: 'The subject has withdrawn consent' },
  subject_not_allowed: { status: 403, title: 'The credential may not act for this subject' },
  namespace_not_allowed: { status: 403, title: 'The credential may not use this namespace' },
  identity_protected: { status: 403, title: 'Only who holds identity:write may change who the subject is becoming' },
  global_search_off: { status: 403, title: 'Searching all subjects of a tenant is switched off' },
  scope_exceeds_creator: { status: 403, title: 'Nobody can give more permissions than they hold' },
  registration_closed: { status: 403, title: 'Registration is closed' },
  email_not_verified: { status: 403, title: 'The e-mail address must be verified first' },
  route_not_found: { status: 404, title: 'There is nothing at this address' },
  event_not_found: { status: 404, title: 'There is no such event in the log' },
  memory_not_found: { status: 404, title: 'There is no such memory' },
  thread_not_found: { status: 404, title: 'There is no such thread' },
  handoff_not_found: { status: 404, title: 'There is no such handoff' },
  api_key_not_found: { status: 404, title: 'There is no such API key' },
  policy_run_not_found: { status: 404, title: 'There is no such run of the policy' },
  key_rotation_not_found: { status: 404, title: 'There is no such rotation of a key' },
  export_not_found: { status: 404, title: 'There is no such export' },
  erasure_not_found: { status: 404, title: 'There is no such erasure' },
  subject_not_found: { status: 404, title: 'There is no such subject' },
  user_not_found: { status: 404, title: 'There is no such user' },
  session_not_found: { status: 404, title: 'There is no such session' },
  invitation_not_found: { status: 404, title: 'There is no such invitation' },
  sso_provider_not_found: { status: 404, title: 'There is no such identity provider' },
  dead_letter_not_found: { status: 404, title: 'There is no such dead letter' },
  alert_not_found: { status: 404, title: 'There is no such alert' },
  alert_webhook_not_found: { status: 404, title: 'There is no such webhook' },
  email_taken: { status: 409, title: 'There is an account with this e-mail' },
  policy_run_running: { status: 409, title: 'The policy of the tenant is being carried out already' },
  key_rotation_running: { status: 409, title: 'This key is being rotated already' },
  export_not_made: { status: 409, title: 'The export is still being made, or could not be made' },
  erasure_running: { status: 409, title: 'The subject is being erased' },
  last_owner: { status: 409, title: 'A tenant keeps one active owner at least' },
  api_key_ended: { status: 409, title: 'The API key was rotated or revoked, or has expired' },
  invitation_ended: { status: 409, title: 'The invitation was accepted or revoked, or has expired' },
  totp_enabled: { status: 409, title: 'An authenticator app is in use already' },
  totp_not_enrolled: { status: 409, title: 'There is no authenticator app to confirm or to take away' },
  password_too_short_alone: { status: 409, title: 'The password is too short to stand alone; change it first' },
  totp_required_by_tenant: { status: 409, title: 'The tenant asks every user for an authenticator app' },
  write_conflict: { status: 409, title: 'The same record is being changed at the same time' },
  dead_letter_refused: { status: 409, title: 'The log still does not take what the dead letter holds' },
  memory_of_handoff: { status: 409, title: 'The memory belongs to a handoff: change or delete the handoff' },
  thread_ambiguous: { status: 409, title: 'The subject has the thread in several namespaces: name one' },
  person_name_taken: { status: 409, title: 'The name belongs to another person' },
  alert_state_conflict: { status: 409, title: 'The alert is in another state' },
  export_expired: { status: 410, title: 'The export was kept for a limited time, which is over' },
  memory_gone: { status: 410, title: 'What the request stored has been deleted or has expired since' },
  version_mismatch: { status: 412, title: 'The memory has changed since the version in If-Match' },
  policy_changed: { status: 412, title: 'The policy has changed since the version in If-Match' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json' },
  rule_violated: { status: 422, title: 'The request breaks a rule' },
  weak_password: { status: 422, title: 'The password is not strong enough' },
  too_many_exports: { status: 429, title: 'As many exports of the tenant as may run at once are being made' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key came with another request before' },
  quota_exceeded: { status: 429, title: 'A quota is used up' },
  too_many_subscriptions: { status: 429, title: 'As many event streams are open as may be' },
  rate_limited: { status: 429, title: 'Too many requests' },
  sign_in_throttled: { status: 429, title: 'Too many failed attempts to sign in' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  internal_error: { status: 500, title: 'Something went wrong on our side' },
  bad_upstream: { status: 502, title: 'A service behind the gateway gave an answer that makes no sense' },
  identity_provider_failed: { status: 502, title: 'The identity provider gave no answer that can be used' },
  service_unavailable: { status: 503, title: 'The service cannot answer now' },
  overloaded: { status: 503, title: 'The service has too much to do' },
} as const satisfies Record<string, { status: number; title: string }>

export type ErrorCode = keyof typeof ERRORS

/** Type guard for codes that come from another process. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code)
}

export const problemError = z.strictObject({
  pointer: z
    .string()
    .describe(
      'JSON pointer (RFC 6901) into the body; query/<name>, path/<name> and header/<name> name the other parts',
    ),
  message: z.string(),
})
export type ProblemError = z.infer<typeof problemError>

/** RFC 9457 problem details. */
export const problem = z
  .object({
    type: z.string().describe('URN of the error, urn:memoric:error:<code>'),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string().optional(),
    request_id: z.string(),
    errors: z.array(problemError).optional(),
    error: z.string().optional().describe('where OAuth clients ask: the error of RFC 6749 section 5.2'),
  })
  .meta({ id: 'Problem' })
export type Problem = z.infer<typeof problem>
