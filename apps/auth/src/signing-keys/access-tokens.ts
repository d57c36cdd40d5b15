import { ACCESS_TOKEN } from '@memoric/contracts/access-token.ts'
import type { KeyObject } from 'node:crypto'
import type { Role } from '@memoric/contracts/permissions.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { type JWK, SignJWT } from 'jose'
import type { FieldSealer } from '../keys/field-sealer.ts'
import { openSigningKey, type StoredSigningKey } from './signing-key.ts'

/** Seconds that an access token is good for. */
export const ACCESS_TOKEN_SECONDS = 900

const ALGORITHM = 'EdDSA'

/** Whom an access token stands for. */
export interface AccessTokenClaims {
  readonly userId: string
  readonly tenantId: string
  readonly role: Role
  readonly sessionId: string
}

/** Signs access tokens (RFC 9068) with the current key and publishes all keys. */
export interface AccessTokens {
  sign(claims: AccessTokenClaims): Promise<string>
  jwks(): { readonly keys: readonly JWK[] }
}

interface Signer {
  readonly kid: string
  readonly key: KeyObject
}

/** Throws when none of `stored` is current. */
export function createAccessTokens(credentials: FieldSealer, stored: readonly StoredSigningKey[]): AccessTokens {
  const signer = currentSigner(credentials, stored)
  const keys = stored.map(({ kid, public_jwk }) => ({ ...public_jwk, kid, alg: ALGORITHM, use: 'sig' }))
  return {
    sign: (claims) => signAccessToken(signer, claims),
    jwks: () => ({ keys }),
  }
}

function currentSigner(credentials: FieldSealer, stored: readonly StoredSigningKey[]): Signer {
  const current = stored.find(({ state }) => state === 'current')
  if (current === undefined) throw new Error('There is no current signing key.')
  return { kid: current.kid, key: openSigningKey(credentials, current) }
}

function signAccessToken({ kid, key }: Signer, claims: AccessTokenClaims): Promise<string> {
  const issuedAt = Math.floor(Date.now() / 1000)
  return new SignJWT({ tenant_id: claims.tenantId, role: claims.role, sid: claims.sessionId })
    .setProtectedHeader({ alg: ALGORITHM, typ: ACCESS_TOKEN.type, kid })
    .setIssuer(ACCESS_TOKEN.issuer)
    .setAudience(ACCESS_TOKEN.audience)
    .setSubject(claims.userId)
    .setJti(uuidV7())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ACCESS_TOKEN_SECONDS)
    .sign(key)
}
