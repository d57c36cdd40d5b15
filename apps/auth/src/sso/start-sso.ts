import { AppError } from '@memoric/service/app-error.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { ProviderFault } from './provider-fault.ts'
import { findSignInProvider, type SignInProvider } from './sign-in-provider.ts'
import { beginAttempt, type SsoAttempt } from './sso-attempt.ts'

/** Sends a browser to its identity provider (OpenID Connect Core 1.0 section 3.1, with PKCE). */
export function startSso(deps: Deps): Handler<'startSso'> {
  return async ({ params }) => {
    const provider = await findSignInProvider(deps, params.provider)
    const { cookie, location } = await deps.identityProviders.wait(provider.tenantId, () => begin(deps, provider))
    return { status: 302, body: null, headers: { location, 'set-cookie': cookie, 'cache-control': 'no-store' } }
  }
}

async function begin(deps: Deps, provider: SignInProvider) {
  try {
    const client = await deps.identityProviders.client(provider)
    const { cookie, ...attempt } = await beginAttempt(deps, provider)
    const { buildAuthorizationUrl } = await import('openid-client')
    return { cookie, location: buildAuthorizationUrl(client, await parametersOf(provider, attempt)).href }
  } catch (error) {
    throw error instanceof ProviderFault ? new AppError('identity_provider_failed', { cause: error }) : error
  }
}

async function parametersOf({ settings, redirectUri }: SignInProvider, { state, nonce, verifier }: SsoAttempt) {
  const { calculatePKCECodeChallenge } = await import('openid-client')
  return {
    redirect_uri: redirectUri,
    scope: [...new Set(['openid', 'email', 'profile', ...settings.additional_scopes])].join(' '),
    state,
    nonce,
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }
}
