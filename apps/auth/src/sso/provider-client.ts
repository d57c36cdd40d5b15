import type { OutboundFetch } from '@memoric/service/outbound-fetch.ts'
import type { Configuration, CustomFetch } from 'openid-client'
import { readMetadata } from './provider-metadata.ts'
import type { SsoSettings } from './sso-settings.ts'

export interface ProviderClientOptions {
  readonly outbound: OutboundFetch
  readonly privateNetworks: boolean
}

/** A client of OpenID Connect for one provider, by its discovery document of this moment. Throws ProviderFault. */
export async function createProviderClient(
  settings: SsoSettings,
  options: ProviderClientOptions,
): Promise<Configuration> {
  const metadata = await readMetadata(options, settings.issuer)
  const library = await import('openid-client')
  const takesBasic = metadata.token_endpoint_auth_methods_supported.includes('client_secret_basic')
  const authentication = takesBasic ? library.ClientSecretBasic : library.ClientSecretPost
  const client = new library.Configuration(metadata, settings.client_id, {}, authentication(settings.client_secret))
  client[library.customFetch] = fetchOf(options.outbound)
  library.enableNonRepudiationChecks(client)
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- called so to stand out: only where the operator allows plain HTTP
  if (options.privateNetworks) library.allowInsecureRequests(client)
  return client
}

/** The library sends nothing but forms. */
function fetchOf(outbound: OutboundFetch): CustomFetch {
  return (url, { method, headers, body, signal }) =>
    outbound(url, { method, headers, body: body instanceof URLSearchParams ? body.toString() : null, signal })
}
