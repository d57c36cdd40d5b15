import type { IncomingMessage } from 'node:http'
import { parseApiKey } from '@memoric/crypto/api-key.ts'
import { AppError } from '@memoric/service/app-error.ts'

/** What a request presents to prove who calls. */
export type Credential =
  | { readonly kind: 'api_key'; readonly text: string; readonly keyId: string; readonly secret: string }
  | { readonly kind: 'access_token'; readonly text: string }

const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i
const LONGEST = 4096

/**
 * The credential of a request, or null when there is none. Junk is refused here, at no cost.
 * Throws AppError `invalid_api_key`, `invalid_token`, `malformed_request` (two credentials at once).
 */
export function credentialOf({
  headers,
  rawHeaders,
}: Pick<IncomingMessage, 'headers' | 'rawHeaders'>): Credential | null {
  const apiKey = headers['x-api-key']
  const { authorization } = headers
  if (apiKey !== undefined && authorization !== undefined) {
    throw new AppError('malformed_request', { detail: 'send x-api-key or Authorization, not both' })
  }
  if (apiKey !== undefined) return apiKeyCredential(String(apiKey))
  if (authorization === undefined) return null
  if (isRepeated(rawHeaders, 'authorization')) throw new AppError('invalid_token')
  const token = authorization.length <= LONGEST ? BEARER.exec(authorization)?.[1] : undefined
  if (token === undefined) throw new AppError('invalid_token')
  return token.startsWith('mk_') ? apiKeyCredential(token) : { kind: 'access_token', text: token }
}

/** Node keeps the first of two and others the last: nobody shall find out who keeps which. */
function isRepeated(rawHeaders: readonly string[], name: string): boolean {
  return rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === name).length > 1
}

function apiKeyCredential(text: string): Credential {
  const key = parseApiKey(text)
  if (key === null) throw new AppError('invalid_api_key')
  return { kind: 'api_key', text, keyId: key.keyId, secret: key.secret }
}
