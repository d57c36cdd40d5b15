/** Why a request to an address that a customer chose was not made, or gave no answer; sentences that a customer may see. */
export const OUTBOUND_FAILURES = {
  malformed_url: 'it is not an absolute URL',
  scheme_not_allowed: 'it must be an https URL',
  credentials_in_url: 'it must not contain a user or a password',
  port_not_allowed: 'its port must be 443, or 1024 and above',
  // One sentence for both: whether a private name exists is nobody's business.
  address_not_allowed: 'its host has no public address',
  name_not_resolved: 'its host has no public address',
  unreachable: 'its host cannot be reached',
  tls_failed: 'its host does not prove who it is (TLS)',
  timed_out: 'it takes too long to answer',
  redirected: 'it answers with a redirect',
  too_large: 'its answer is too large',
  broken_answer: 'its answer is not HTTP or breaks off',
} as const satisfies Record<string, string>

export type OutboundFailure = keyof typeof OUTBOUND_FAILURES

/** A request to an address that a customer chose has failed. Nothing that the other side said is in it. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError'
  readonly code: OutboundFailure

  constructor(code: OutboundFailure, options?: ErrorOptions) {
    super(OUTBOUND_FAILURES[code], options)
    this.code = code
  }
}
