import type { SsoProviderId } from '@memoric/contracts/ids.ts'
import type { ssoProvider } from '@memoric/contracts/sso-contract.ts'
import type { z } from 'zod'
import type { AuthConfig } from '../config.ts'
import type { Deps } from '../deps.ts'
import type { SsoProviderRow } from './sso-provider-repository.ts'
import { openSsoSettings } from './sso-settings.ts'

/** Addresses at which browsers begin and end a sign-in through a provider. */
export function ssoUrls({ PUBLIC_URL }: Pick<AuthConfig, 'PUBLIC_URL'>, providerId: string) {
  const base = `${PUBLIC_URL.replace(/\/+$/, '')}/v1/auth/oidc/${providerId}`
  return { start_url: `${base}/start`, redirect_uri: `${base}/callback` }
}

/** A provider as the API shows it: without the client secret. */
export function ssoProviderView({ config, keys }: Pick<Deps, 'config' | 'keys'>, row: SsoProviderRow) {
  const { client_secret: _secret, ...settings } = openSsoSettings(keys.credentials, row)
  return {
    // Made as such.
    id: row.id as SsoProviderId,
    ...settings,
    ...ssoUrls(config, row.id),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  } satisfies z.input<typeof ssoProvider>
}
