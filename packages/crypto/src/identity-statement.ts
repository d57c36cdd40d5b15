import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'

import { equalBytes } from './bytes.ts'
import { hkdfSha256 } from './derive-key.ts'
import { CryptoError } from './errors.ts'

const MIN_SECRET = 32
const MAX_TEXT = 16_384
const MAC_TEXT = 43
const MAX_KEYS = 64
const DEFAULT_MAX_AGE = 30
const SKEW_MS = 5_000
const AUDIENCE = /^[a-z][a-z0-9-]{1,31}$/

/** Claims of a statement: `aud` and `iat` (ms since the epoch) are set by signing, the rest is the caller's. */
export type IdentityClaims = Readonly<Record<string, unknown>>

/** When a statement is made, in ms since the epoch. */
export interface SignOptions {
  readonly now: number
}

/** When a statement is looked at, in ms since the epoch, and how old it may be, in seconds (default 30). */
export interface VerifyOptions {
  readonly now: number
  readonly maxAgeSeconds?: number
}

const macKeys = new Map<string, KeyObject>()

function deriveMacKey(secret: string, audience: string): KeyObject {
  if (secret.length < MIN_SECRET) throw new CryptoError('invalid_key')
  if (!AUDIENCE.test(audience)) throw new CryptoError('invalid_label')
  const info = Buffer.from(`memoric/v1/identity/${audience}`)
  return createSecretKey(hkdfSha256(Buffer.from(secret), Buffer.alloc(0), info, 32))
}

/** Deriving costs more than signing, so the few keys in use are kept; the oldest makes room. */
function macKey(secret: string, audience: string): KeyObject {
  const name = `${audience} ${secret}`
  const known = macKeys.get(name)
  if (known !== undefined) return known
  const key = deriveMacKey(secret, audience)
  const oldest = macKeys.keys().next()
  if (macKeys.size >= MAX_KEYS && oldest.done !== true) macKeys.delete(oldest.value)
  macKeys.set(name, key)
  return key
}

function macOf(payload: string, secret: string, audience: string): string {
  return createHmac('sha256', macKey(secret, audience)).update(payload).digest('base64url')
}

/**
 * States to `audience` on whose behalf a service calls: `base64url(JSON claims).base64url(HMAC-SHA-256)`, under a key
 * that HKDF-SHA-256 derives from the secret of the calling service's key and `memoric/v1/identity/<audience>`.
 * @throws CryptoError `invalid_key` for a secret below 32 characters, `invalid_label` for an audience that is not a short
 *   lower-case name, `invalid_identity` for claims that make more than 16 KiB.
 */
export function signIdentity(secret: string, audience: string, claims: IdentityClaims, { now }: SignOptions): string {
  const payload = Buffer.from(JSON.stringify({ ...claims, aud: audience, iat: now })).toString('base64url')
  if (payload.length > MAX_TEXT - MAC_TEXT - 1) throw new CryptoError('invalid_identity')
  return `${payload}.${macOf(payload, secret, audience)}`
}

/** The signed part of a statement, or undefined when the MAC is not ours. */
function authenticated(text: string, secret: string, audience: string): string | undefined {
  const dot = text.length - MAC_TEXT - 1
  if (text.length > MAX_TEXT || dot < 1 || text[dot] !== '.') return undefined
  const payload = text.slice(0, dot)
  const expected = Buffer.from(macOf(payload, secret, audience))
  return equalBytes(expected, Buffer.from(text.slice(dot + 1))) ? payload : undefined
}

function isFresh(iat: unknown, now: number, maxAgeSeconds: number): boolean {
  return typeof iat === 'number' && iat <= now + SKEW_MS && now - iat <= maxAgeSeconds * 1000
}

/**
 * The claims of a statement made for `audience` with the same secret, at most `maxAgeSeconds` old and not more than 5 s
 * ahead of our clock.
 * @throws CryptoError `invalid_identity` for every other text; `invalid_key`, `invalid_label` as `signIdentity`.
 */
export function verifyIdentity(
  secret: string,
  audience: string,
  text: string,
  { now, maxAgeSeconds = DEFAULT_MAX_AGE }: VerifyOptions,
): IdentityClaims {
  const payload = authenticated(text, secret, audience)
  if (payload === undefined) throw new CryptoError('invalid_identity')
  // Authenticated: it is the JSON object that signIdentity wrote.
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as IdentityClaims
  if (claims['aud'] !== audience || !isFresh(claims['iat'], now, maxAgeSeconds))
    throw new CryptoError('invalid_identity')
  return claims
}
