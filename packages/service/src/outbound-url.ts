import { isIP } from 'node:net'
import { isPublicAddress } from './outbound-addresses.ts'
import { OutboundError } from './outbound-error.ts'

const HTTPS_PORT = 443
const FIRST_UNPRIVILEGED_PORT = 1024

/**
 * A URL that a request may be sent to, as far as the URL tells. The URL parser has brought an IP address into its one form,
 * however it was written. Throws OutboundError.
 */
export function outboundUrl(input: string | URL, { privateNetworks }: { readonly privateNetworks: boolean }): URL {
  const url = URL.parse(String(input))
  if (url === null) throw new OutboundError('malformed_url')
  if (url.protocol !== 'https:' && !(privateNetworks && url.protocol === 'http:')) {
    throw new OutboundError('scheme_not_allowed')
  }
  if (url.username !== '' || url.password !== '') throw new OutboundError('credentials_in_url')
  if (!privateNetworks) requirePublic(url)
  return url
}

/** The host of a URL as `node:net` takes it: an IPv6 address without brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

function requirePublic(url: URL): void {
  const port = Number(url.port || HTTPS_PORT)
  if (port !== HTTPS_PORT && port < FIRST_UNPRIVILEGED_PORT) throw new OutboundError('port_not_allowed')
  const host = hostOf(url)
  if (isIP(host) === 0 ? isThisMachine(host) : !isPublicAddress(host)) throw new OutboundError('address_not_allowed')
}

/** RFC 6761 section 6.3. */
function isThisMachine(name: string): boolean {
  return /(^|\.)localhost\.?$/.test(name)
}
