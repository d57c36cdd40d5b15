import { API_KEY_PATTERN } from '@memoric/crypto/api-key.ts'

const LONGEST = 256
const key = new RegExp(API_KEY_PATTERN)

/**
 * What the log keeps of the address where a key was found: no query, no login, nothing long, and not the key itself. Null when nothing
 * is left.
 */
export function leakPlace(url: string): string | null {
  const { protocol, origin, pathname } = new URL(url)
  if (protocol !== 'https:' && protocol !== 'http:') return null
  const place = origin + pathname
  if (place.length <= LONGEST && !key.test(decoded(pathname))) return place
  return origin.length <= LONGEST ? origin : null
}

function decoded(path: string): string {
  return path.replace(/%[0-7][0-9a-f]/gi, (code) => String.fromCharCode(parseInt(code.slice(1), 16)))
}
