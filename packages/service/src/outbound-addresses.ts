import { BlockList, isIP } from 'node:net'

/** IPv4 that is not a public host's (IANA IPv4 Special-Purpose Address Registry, RFC 6890). */
const SPECIAL_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]

/** The only unicast IPv6 that is global (RFC 4291 section 2.4). */
const GLOBAL_IPV6 = ['2000::/3']

/** Parts of it that are not a public host's: protocols with Teredo, documentation, and 6to4, which may lead to any IPv4. */
const SPECIAL_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

/** IPv6 that carries an IPv4 address in its last 32 bits: mapped (RFC 4291 section 2.5.5.2) and NAT64 (RFC 6052 section 2.1). */
const CARRIERS_OF_IPV4 = ['::ffff:0:0/96', '64:ff9b::/96']

const specialIpv4 = blockList('ipv4', SPECIAL_IPV4)
const globalIpv6 = blockList('ipv6', GLOBAL_IPV6)
const specialIpv6 = blockList('ipv6', SPECIAL_IPV6)
const carriers = blockList('ipv6', CARRIERS_OF_IPV4)

/** Whether an IP address is one that only a public host can have. False for what is no address, or has a zone. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 0 || address.includes('%')) return false
  if (family === 4) return !specialIpv4.check(address)
  if (carriers.check(address, 'ipv6')) return !specialIpv4.check(carriedIpv4(address))
  return globalIpv6.check(address, 'ipv6') && !specialIpv6.check(address, 'ipv6')
}

/** The last 32 bits of an IPv6 address, as IPv4. */
function carriedIpv4(address: string): string {
  // The URL parser writes every IPv6 address in groups of hexadecimal digits.
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split(':').slice(-2)
  const [high = 0, low = 0] = groups.map((group) => Number.parseInt(group === '' ? '0' : group, 16))
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

function blockList(family: 'ipv4' | 'ipv6', networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [base = '', bits] = network.split('/')
    list.addSubnet(base, Number(bits), family)
  }
  return list
}
