import { OutboundError } from '@memoric/service/outbound-error.ts'
import type { OutboundFetch } from '@memoric/service/outbound-fetch.ts'
import { outboundUrl } from '@memoric/service/outbound-url.ts'
import { z } from 'zod'
import { ProviderFault } from './provider-fault.ts'

/** With public keys only: a signature that a client secret could make proves nothing to us. */
const ID_TOKEN_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]

const names = z.array(z.string())

/** What of a discovery document counts (OpenID Connect Discovery 1.0 section 3, RFC 8414); the rest is not looked at. */
const discovery = z.object({
  issuer: z.string(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
  jwks_uri: z.url(),
  userinfo_endpoint: z.exactOptional(z.url()),
  response_types_supported: names,
  id_token_signing_alg_values_supported: names,
  token_endpoint_auth_methods_supported: names.default(['client_secret_basic']),
  // Some providers do S256 and do not say so; it is sent in any case.
  code_challenge_methods_supported: names.default(['S256']),
  authorization_response_iss_parameter_supported: z.boolean().default(false),
})
export type ProviderMetadata = z.output<typeof discovery>

interface MetadataOptions {
  readonly outbound: OutboundFetch
  readonly privateNetworks: boolean
}

/** Reads and checks the discovery document of an issuer. Throws ProviderFault. */
export async function readMetadata(options: MetadataOptions, issuer: string): Promise<ProviderMetadata> {
  const parsed = discovery.safeParse(await readDocument(options.outbound, issuer))
  if (!parsed.success) throw new ProviderFault('incomplete')
  const metadata = parsed.data
  requireUsable(metadata, issuer, options)
  const algorithms = metadata.id_token_signing_alg_values_supported.filter((name) => ID_TOKEN_ALGORITHMS.includes(name))
  if (algorithms.length === 0) throw new ProviderFault('no_signature')
  return { ...metadata, id_token_signing_alg_values_supported: algorithms }
}

async function readDocument(outbound: OutboundFetch, issuer: string): Promise<unknown> {
  const answer = await outbound(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    headers: { accept: 'application/json' },
  }).catch((error: unknown) => {
    throw error instanceof OutboundError ? new ProviderFault(error.code) : error
  })
  if (answer.status !== 200) throw new ProviderFault('bad_status')
  return answer.json().catch(() => {
    throw new ProviderFault('not_json')
  })
}

function requireUsable(metadata: ProviderMetadata, issuer: string, options: MetadataOptions): void {
  if (metadata.issuer !== issuer) throw new ProviderFault('other_issuer')
  requireAllowedEndpoints(metadata, options)
  if (!metadata.response_types_supported.includes('code')) throw new ProviderFault('no_code_flow')
  if (!metadata.code_challenge_methods_supported.includes('S256')) throw new ProviderFault('no_s256')
  const methods = metadata.token_endpoint_auth_methods_supported
  if (!methods.includes('client_secret_basic') && !methods.includes('client_secret_post')) {
    throw new ProviderFault('no_client_secret')
  }
}

function requireAllowedEndpoints(metadata: ProviderMetadata, options: MetadataOptions): void {
  const { authorization_endpoint, token_endpoint, jwks_uri, userinfo_endpoint } = metadata
  for (const endpoint of [authorization_endpoint, token_endpoint, jwks_uri, userinfo_endpoint]) {
    if (endpoint !== undefined && !isAllowed(endpoint, options)) throw new ProviderFault('endpoint_not_allowed')
  }
}

function isAllowed(endpoint: string, options: MetadataOptions): boolean {
  try {
    outboundUrl(endpoint, options)
    return true
  } catch {
    return false
  }
}
