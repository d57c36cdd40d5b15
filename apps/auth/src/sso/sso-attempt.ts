import { randomBytes } from 'node:crypto'
import { createToken, hashToken, isToken } from '@memoric/crypto/opaque-token.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { z } from 'zod'
import type { Deps } from '../deps.ts'
import type { SignInProvider } from './sign-in-provider.ts'
import { insertAttempt, removeExpiredAttempts, takeAttempt } from './sso-attempt-repository.ts'
import { ATTEMPT_SECONDS, ssoCookie } from './sso-cookie.ts'

const STATE_PREFIX = 'sso'

/** Open attempts of a provider: one address makes ten in a quarter of an hour. */
const MAX_OPEN = 10_000

/** What a browser takes along to a provider, and what is kept of it here. */
export interface SsoAttempt {
  readonly state: string
  /** What ties the answer of the provider to this attempt. */
  readonly nonce: string
  /** PKCE (RFC 7636). */
  readonly verifier: string
}

const stored = z.object({ nonce: z.string(), verifier: z.string() })

type AttemptDeps = Pick<Deps, 'sql' | 'keys'>

type ProviderPlace = Pick<SignInProvider, 'tenantId' | 'id' | 'redirectUri'>

/** Begins an attempt; `cookie` goes to the browser. Throws AppError `rate_limited` when too many are open. */
export async function beginAttempt(
  { sql, keys }: AttemptDeps,
  { tenantId, id, redirectUri }: ProviderPlace,
): Promise<SsoAttempt & { readonly cookie: string }> {
  const [state, secret] = [createToken(STATE_PREFIX), randomText()]
  const kept = { nonce: randomText(), verifier: randomText() }
  const hash = attemptHash(state, secret)
  const sealed = keys.credentials.seal(placeOf(tenantId, hash), JSON.stringify(kept))
  const row = { state_hash: hash, provider_id: id, attempt_sealed: sealed }
  const [, stored] = await systemFlight(sql, (tx) => [
    removeExpiredAttempts(tx),
    insertAttempt(tx, row, ATTEMPT_SECONDS, MAX_OPEN),
  ])
  if (stored.length === 0) throw new AppError('rate_limited', { retryAfter: 60 })
  return { state, ...kept, cookie: ssoCookie(redirectUri, state).set(secret) }
}

/** What came back with a browser. */
export interface Return {
  readonly state: string | undefined
  readonly cookieHeader: string | undefined
}

/**
 * Ends the attempt that a browser comes back from; null when there is none that began in this browser, has not ended and is not
 * too old. Without the cookie an attempt cannot be found, so nobody else can end it either.
 */
export async function finishAttempt(
  { sql, keys }: AttemptDeps,
  { tenantId, id, redirectUri }: ProviderPlace,
  { state, cookieHeader }: Return,
): Promise<(SsoAttempt & { readonly cookie: string }) | null> {
  if (!isToken(STATE_PREFIX, state)) return null
  const cookie = ssoCookie(redirectUri, state)
  const secret = cookie.read(cookieHeader)
  if (secret === null) return null
  const hash = attemptHash(state, secret)
  const [[row]] = await systemFlight(sql, (tx) => [takeAttempt(tx, hash, id)])
  if (row === undefined) return null
  const kept = stored.parse(JSON.parse(keys.credentials.open(placeOf(tenantId, hash), row.attempt_sealed)))
  return { state, ...kept, cookie: cookie.set(null) }
}

/** 32 random bytes, as PKCE (RFC 7636 section 4.1) and OpenID Connect want them. */
function randomText(): string {
  return randomBytes(32).toString('base64url')
}

function attemptHash(state: string, secret: string): Buffer {
  return hashToken(`${state}.${secret}`)
}

function placeOf(tenantId: string, hash: Buffer) {
  return { tenantId, recordId: hash.toString('hex'), field: 'sso_attempt' } as const
}
