import { hash } from 'node:crypto'

/** Seconds that a browser has to come back from a provider. */
export const ATTEMPT_SECONDS = 600

const VALUE = /^[A-Za-z0-9_-]{43}$/

/** The cookie that ties an attempt to the browser in which it began; each attempt has one of its own. */
export interface SsoCookie {
  readonly name: string
  /** Set-Cookie with a value, or without one to take the cookie back. */
  set(value: string | null): string
  /** The value in a Cookie header; null when there is none that could be ours. */
  read(header: string | undefined): string | null
}

/** Where browsers reach us by HTTPS, the prefix keeps other hosts and plain HTTP from setting it (RFC 6265bis section 4.1.3.2). */
export function ssoCookie(redirectUri: string, state: string): SsoCookie {
  const { protocol, pathname } = new URL(redirectUri)
  const isSecure = protocol === 'https:'
  const name = `${isSecure ? '__Host-' : ''}memoric-sso-${hash('sha256', state, 'hex').slice(0, 16)}`
  const attributes = `; Path=${isSecure ? '/' : pathname}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`
  return {
    name,
    set: (value) => `${name}=${value ?? ''}${attributes}; Max-Age=${value === null ? 0 : ATTEMPT_SECONDS}`,
    read: (header) => valueOf(header ?? '', name),
  }
}

function valueOf(header: string, name: string): string | null {
  const pair = header.split(/; */).find((text) => text.startsWith(`${name}=`))
  const value = pair?.slice(name.length + 1) ?? ''
  return VALUE.test(value) ? value : null
}
