import { randomUUID } from 'node:crypto'
import { type JWTPayload, SignJWT } from 'jose'
import type { SigningKey } from './use-gateway.ts'

/** An access token as auth signs it, with these claims beside those that every token has. */
export function signToken({ kid, privateKey }: SigningKey, claims: JWTPayload): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({ iss: 'memoric', aud: 'memoric-api', jti: randomUUID(), iat: now, exp: now + 900, ...claims })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid })
    .sign(privateKey)
}
