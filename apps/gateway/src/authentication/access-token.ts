import { ACCESS_TOKEN } from '@memoric/contracts/access-token.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { type CryptoKey, jwtVerify, type JWTHeaderParameters } from 'jose'
import { z } from 'zod'
import type { KeySet } from './key-set.ts'
import { requireOneReading } from './one-reading.ts'

const id = z.string().max(64)
const common = { sub: id, tenant_id: id, exp: z.number() }

/** A token of a session names it; a token that was issued for an API key names the key and its scopes (RFC 9068). */
const claims = z.union([
  z
    .object({ ...common, sid: id, client_id: z.never().optional() })
    .transform(({ client_id: _none, ...rest }) => ({ kind: 'session' as const, ...rest })),
  z
    .object({ ...common, sid: z.never().optional(), client_id: id, scope: z.string() })
    .transform(({ sid: _none, scope, ...rest }) => ({ kind: 'client' as const, ...rest, scopes: scope.split(' ') })),
])
export type AccessTokenClaims = z.output<typeof claims>

/** Header parameters that would let a token name its own key. */
const KEY_CARRIERS = ['jku', 'jwk', 'x5u', 'x5c'] as const satisfies readonly (keyof JWTHeaderParameters)[]

/** What a kid of auth may look like; anything else is looked for nowhere. */
const KID = /^[A-Za-z0-9_-]{1,64}$/

/** Auth gives tokens 15 minutes; this also refuses those that are issued in the future. */
const LONGEST_LIFE_SECONDS = 900

export type AccessTokenCheck = (token: string) => Promise<AccessTokenClaims>

/**
 * Checks access tokens against the keys that auth publishes. The check throws AppError `invalid_token` unless the token is ours,
 * for this API, unexpired and signed by one of them, and `service_unavailable` when the keys cannot be had.
 */
export function createAccessTokenCheck(keys: Pick<KeySet, 'find'>): AccessTokenCheck {
  return async (token) => {
    try {
      requireOneReading(token)
      const { payload } = await jwtVerify(token, (header) => keyOf(header, keys), {
        issuer: ACCESS_TOKEN.issuer,
        audience: ACCESS_TOKEN.audience,
        algorithms: [ACCESS_TOKEN.algorithm],
        typ: ACCESS_TOKEN.type,
        clockTolerance: 5,
        maxTokenAge: LONGEST_LIFE_SECONDS,
        requiredClaims: ['exp', 'iat', 'sub', 'jti'],
      })
      return claims.parse(payload)
    } catch (cause) {
      if (cause instanceof AppError) throw cause
      throw new AppError('invalid_token', { cause })
    }
  }
}

async function keyOf(header: JWTHeaderParameters, keys: Pick<KeySet, 'find'>): Promise<CryptoKey> {
  // Read from JSON that a stranger wrote.
  const { kid } = header as { readonly kid?: unknown }
  const isPlain = KEY_CARRIERS.every((name) => header[name] === undefined)
  if (!isPlain || typeof kid !== 'string' || !KID.test(kid)) throw new AppError('invalid_token')
  return keys.find(kid)
}
