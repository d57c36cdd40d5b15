import { AppError } from '@memoric/service/app-error.ts'
import { parseStrictJson } from '@memoric/service/strict-json.ts'

/**
 * Refuses a JWS that another reader could take for another one: base64url with padding or spare bits, JSON that says something twice.
 * Throws AppError `invalid_token`.
 */
export function requireOneReading(token: string): void {
  const [header, payload, signature, ...more] = token.split('.').map(canonicalBytes)
  if (header == null || payload == null || signature == null || more.length > 0) throw new AppError('invalid_token')
  try {
    parseStrictJson(header)
    parseStrictJson(payload)
  } catch (cause) {
    throw new AppError('invalid_token', { cause })
  }
}

/** The bytes of base64url as RFC 7515 writes it, or null for any other spelling of them. */
function canonicalBytes(part: string): Buffer | null {
  const bytes = Buffer.from(part, 'base64url')
  return bytes.toString('base64url') === part ? bytes : null
}
