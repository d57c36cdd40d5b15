import { OUTBOUND_FAILURES, type OutboundFailure } from '@memoric/service/outbound-error.ts'

/** Why a provider cannot be used; sentences that an administrator may see. Nothing that the provider said is in them. */
const FAULTS = {
  ...OUTBOUND_FAILURES,
  bad_status: 'it does not answer with status 200',
  not_json: 'it does not answer with JSON',
  incomplete: 'its discovery document lacks an endpoint or a list that OpenID Connect Discovery asks for',
  other_issuer: 'its discovery document names another issuer',
  endpoint_not_allowed: 'an endpoint in its discovery document is at an address that is not allowed; HTTPS is needed',
  no_code_flow: 'it does not offer the authorization code flow',
  no_s256: 'it does not offer PKCE with S256',
  no_client_secret: 'it takes the client secret neither by client_secret_basic nor by client_secret_post',
  no_signature: 'it does not sign ID tokens with RS, PS, ES or EdDSA',
  no_usable_answer: 'its answer cannot be used',
  client_refused: 'it does not accept the client id or the client secret',
} as const satisfies Record<string, string>

export type ProviderFaultCode = OutboundFailure | keyof typeof FAULTS

/** A provider that gives no answer, or none that can be used. */
export class ProviderFault extends Error {
  override readonly name = 'ProviderFault'
  readonly code: ProviderFaultCode

  constructor(code: ProviderFaultCode) {
    super(FAULTS[code])
    this.code = code
  }
}
