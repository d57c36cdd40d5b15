import { z } from 'zod'

/** An address or a network in CIDR notation: IPv4 or IPv6 (RFC 4632, RFC 4291 section 2.3). */
export const network = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
  error: 'must be an IP address or a network such as 192.0.2.0/24 or 2001:db8::/32',
})

/** An allow-list of networks. */
export const networks = z.array(network).min(1).max(100)
