import { AppError } from '@memoric/service/app-error.ts'
import { createRemoteJWKSet, errors, jwtVerify, type JWTHeaderParameters, type JWTVerifyGetKey } from 'jose'
import { z } from 'zod'

const claims = z.object({ sub: z.string(), tenant_id: z.string(), sid: z.string(), exp: z.number() })
export type AccessTokenClaims = z.infer<typeof claims>

/** Header parameters that would let a token name its own key. */
const KEY_CARRIERS = ['jku', 'jwk', 'x5u', 'x5c'] as const satisfies readonly (keyof JWTHeaderParameters)[]

/** Auth gives tokens 15 minutes; this also refuses those that are issued in the future. */
const LONGEST_LIFE_SECONDS = 900

export type AccessTokenCheck = (token: string) => Promise<AccessTokenClaims>

/**
 * Checks access tokens against the key set that auth publishes, which is fetched again when a token names a new key.
 * The check throws AppError `invalid_token`, or `service_unavailable` when the keys cannot be had.
 */
export function createAccessTokenCheck(authUrl: string): AccessTokenCheck {
  const jwksUrl = new URL('/.well-known/jwks.json', authUrl)
  const keys = createRemoteJWKSet(jwksUrl, { timeoutDuration: 2000, cooldownDuration: 1000, cacheMaxAge: 300_000 })
  return (token) => check(token, keys)
}

/** Throws AppError `invalid_token` unless the token is ours, for this API, unexpired and signed by a key of the set. */
export async function check(token: string, keys: JWTVerifyGetKey): Promise<AccessTokenClaims> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer: 'memoric',
      audience: 'memoric-api',
      algorithms: ['EdDSA'],
      typ: 'at+jwt',
      clockTolerance: 5,
      maxTokenAge: LONGEST_LIFE_SECONDS,
      requiredClaims: ['exp', 'iat', 'sub', 'jti'],
    })
    if (KEY_CARRIERS.some((name) => protectedHeader[name] !== undefined)) throw new AppError('invalid_token')
    return claims.parse(payload)
  } catch (cause) {
    throw refusal(cause)
  }
}

function refusal(cause: unknown): AppError {
  if (cause instanceof AppError) return cause
  const isToken = cause instanceof errors.JOSEError || cause instanceof z.ZodError
  const isFault = cause instanceof errors.JOSEError && KEYS_NOT_HAD.has(cause.code)
  if (isToken && !isFault) return new AppError('invalid_token', { cause })
  return new AppError('service_unavailable', { cause, retryAfter: 1 })
}

/** What jose says when the keys do not arrive, or something else does; ERR_JOSE_GENERIC is an answer that is no 200 or no JSON. */
const KEYS_NOT_HAD = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC'])
