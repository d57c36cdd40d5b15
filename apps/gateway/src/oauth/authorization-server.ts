import { PERMISSIONS } from '@memoric/contracts/permissions.ts'
import { ROUTES } from '@memoric/contracts/route-table.ts'
import { PUBLIC_KEYS_PATH } from '../forwarding/public-keys.ts'

export const AUTHORIZATION_SERVER_PATH = '/.well-known/oauth-authorization-server'

/** What OAuth clients need to know to get tokens (RFC 8414). */
export function authorizationServer(publicUrl: string) {
  const issuer = publicUrl.replace(/\/+$/, '')
  return {
    issuer,
    token_endpoint: issuer + ROUTES.issueToken.path,
    jwks_uri: issuer + PUBLIC_KEYS_PATH,
    scopes_supported: PERMISSIONS,
    response_types_supported: [],
    grant_types_supported: ['client_credentials'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    service_documentation: `${issuer}/docs`,
  }
}
