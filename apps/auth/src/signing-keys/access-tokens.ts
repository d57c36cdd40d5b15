import { ACCESS_TOKEN } from '@memoric/contracts/access-token.ts'
import type { KeyObject } from 'node:crypto'
import type { Role } from '@memoric/contracts/permissions.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { type JWK, type JWTPayload, SignJWT } from 'jose'
import type { FieldSealer } from '../keys/field-sealer.ts'
import { openSigningKey, type StoredSigningKey } from './signing-key.ts'

/** Seconds that an access token is good for. */
export const ACCESS_TOKEN_SECONDS = 900

/** Whom an access token stands for. */
export interface AccessTokenClaims {
  readonly userId: string
  readonly tenantId: string
  readonly role: Role
  readonly sessionId: string
}

/** The API key that an access token stands for. */
export interface ClientTokenClaims {
  readonly apiKeyId: string
  /** Public id of the key: the client of OAuth. */
  readonly keyId: string
  readonly tenantId: string
  /** Scopes, separated by spaces. */
  readonly scope: string
  readonly jti: string
  /** Seconds, ACCESS_TOKEN_SECONDS at most. */
  readonly lifetime: number
}

/** Signs access tokens (RFC 9068) with the current key and publishes all keys. */
export interface AccessTokens {
  sign(claims: AccessTokenClaims): Promise<string>
  /** A token without a session. */
  signForClient(claims: ClientTokenClaims): Promise<string>
  jwks(): { readonly keys: readonly JWK[] }
  /** Goes on with these keys. Throws when none of them is current. */
  use(stored: readonly StoredSigningKey[]): void
}

interface Signer {
  readonly kid: string
  readonly key: KeyObject
}

/** Throws when none of `stored` is current. */
export function createAccessTokens(credentials: FieldSealer, stored: readonly StoredSigningKey[]): AccessTokens {
  let signer = currentSigner(credentials, stored)
  let keys = stored.map(publicKey)
  return {
    sign: ({ tenantId, userId, role, sessionId }) =>
      signToken(signer, { tenant_id: tenantId, role, sid: sessionId }, { subject: userId }),
    signForClient: ({ tenantId, apiKeyId, keyId, scope, ...registered }) =>
      signToken(signer, { tenant_id: tenantId, client_id: keyId, scope }, { subject: apiKeyId, ...registered }),
    jwks: () => ({ keys }),
    use(changed) {
      if (!changed.some(({ kid, state }) => kid === signer.kid && state === 'current')) {
        signer = currentSigner(credentials, changed)
      }
      keys = changed.map(publicKey)
    },
  }
}

/** By name: nothing else of what is stored is published. */
function publicKey({ kid, public_jwk: { kty, crv, x } }: StoredSigningKey): JWK {
  return { kty, crv, x, kid, alg: ACCESS_TOKEN.algorithm, use: 'sig' }
}

function currentSigner(credentials: FieldSealer, stored: readonly StoredSigningKey[]): Signer {
  const current = stored.find(({ state }) => state === 'current')
  if (current === undefined) throw new Error('There is no current signing key.')
  return { kid: current.kid, key: openSigningKey(credentials, current) }
}

interface RegisteredClaims {
  readonly subject: string
  readonly jti?: string
  /** Seconds. */
  readonly lifetime?: number
}

function signToken({ kid, key }: Signer, claims: JWTPayload, registered: RegisteredClaims): Promise<string> {
  const issuedAt = Math.floor(Date.now() / 1000)
  return new SignJWT(claims)
    .setProtectedHeader({ alg: ACCESS_TOKEN.algorithm, typ: ACCESS_TOKEN.type, kid })
    .setIssuer(ACCESS_TOKEN.issuer)
    .setAudience(ACCESS_TOKEN.audience)
    .setSubject(registered.subject)
    .setJti(registered.jti ?? uuidV7())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + (registered.lifetime ?? ACCESS_TOKEN_SECONDS))
    .sign(key)
}
