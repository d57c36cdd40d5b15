import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto'

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

/** Claims of a statement: `aud`, `iat` (ms since the epoch) and `req` are set by signing, the rest is the caller's. */
export type IdentityClaims = Readonly<Record<string, unknown>>

/** The request that a statement goes with: its method, and its path with the query as it is sent. */
export interface StatedRequest {
  readonly method: string
  readonly path: string
}

/** When a statement is made, in ms since the epoch, and the only request that it is good for. */
export interface SignOptions {
  readonly now: number
  readonly request?: StatedRequest
}

/** When a statement is looked at, in ms since the epoch, how old it may be, in seconds (default 30), and what it came with. */
export interface VerifyOptions {
  readonly now: number
  readonly maxAgeSeconds?: number
  readonly request?: StatedRequest
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

/** A path may be longer than a statement, so a statement names a request by its SHA-256. */
function digestOf({ method, path }: StatedRequest): string {
  return hash('sha256', `${method} ${path}`, 'base64url')
}

/**
 * States to `audience` on whose behalf a service calls: `base64url(JSON claims).base64url(HMAC-SHA-256)`, under a key
 * that HKDF-SHA-256 derives from the secret of the calling service's key and `memoric/v1/identity/<audience>`.
 * @throws CryptoError `invalid_key` for a secret below 32 characters, `invalid_label` for an audience that is not a short
 *   lower-case name, `invalid_identity` for claims that make more than 16 KiB.
 */
export function signIdentity(
  secret: string,
  audience: string,
  claims: IdentityClaims,
  { now, request }: SignOptions,
): string {
  const stated = { ...claims, aud: audience, iat: now, ...(request && { req: digestOf(request) }) }
  const payload = Buffer.from(JSON.stringify(stated)).toString('base64url')
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

/** A statement that names no request is good for any. */
function isFor(request: StatedRequest | undefined, req: unknown): boolean {
  return req === undefined || (request !== undefined && req === digestOf(request))
}

/**
 * The claims of a statement made for `audience` with the same secret, at most `maxAgeSeconds` old and not more than 5 s
 * ahead of our clock, and for `request` where it names one.
 * @throws CryptoError `invalid_identity` for every other text; `invalid_key`, `invalid_label` as `signIdentity`.
 */
export function verifyIdentity(
  secret: string,
  audience: string,
  text: string,
  { now, maxAgeSeconds = DEFAULT_MAX_AGE, request }: VerifyOptions,
): IdentityClaims {
  const payload = authenticated(text, secret, audience)
  if (payload === undefined) throw new CryptoError('invalid_identity')
  // Authenticated: it is the JSON object that signIdentity wrote.
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as IdentityClaims
  const isOurs = claims['aud'] === audience && isFor(request, claims['req'])
  if (!isOurs || !isFresh(claims['iat'], now, maxAgeSeconds)) throw new CryptoError('invalid_identity')
  return claims
}
