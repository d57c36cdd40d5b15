import { BlockList, isIP, SocketAddress } from 'node:net'

/** An IP address in one form: without a zone, and IPv4 also where it was mapped into IPv6 (RFC 4291 section 2.5.5.2). */
export interface ClientAddress {
  readonly family: 'ipv4' | 'ipv6'
  readonly address: string
}

interface Network extends ClientAddress {
  readonly prefix: number
}

/** Bits before the IPv4 address in one that is mapped into IPv6. */
const MAPPED_BITS = 96

/** The one form of an address; null for what is none. */
export function clientAddress(text: string): ClientAddress | null {
  const version = isIP(text)
  if (version === 0) return null
  if (version === 4) return { family: 'ipv4', address: text }
  const { address } = new SocketAddress({ address: text.replace(/%.*$/, ''), family: 'ipv6' })
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1]
  return mapped === undefined ? { family: 'ipv6', address } : { family: 'ipv4', address: mapped }
}

/** An address, or one in brackets, with a port or without. */
const WITH_PORT = /^(?:\[([\d.:A-Fa-f]+)\]|([\d.]+))(?::\d{1,5})?$/

/**
 * The one form of a client's address as a proxy states it: some write the port behind it, which is another for each connection.
 * Text that is no address stays as it is.
 */
export function statedAddress(text: string): string {
  const [, bracketed, bare] = WITH_PORT.exec(text) ?? []
  return clientAddress(bracketed ?? bare ?? text)?.address ?? text
}

/** The network that one household or company has: /24 of IPv4, /64 of IPv6; text that is no address stays as it is. */
export function networkOf(text: string): string {
  const client = clientAddress(text)
  if (client === null) return text
  const { address, family } = client
  if (family === 'ipv4') return `${address.split('.').slice(0, 3).join('.')}.0/24`
  return `${groupsOf(address).slice(0, 4).join(':')}::/64`
}

/** The eight groups of an IPv6 address, in small letters without leading zeros. */
function groupsOf(address: string): string[] {
  const { hostname } = new URL(`http://[${address}]`)
  const [head = '', tail = ''] = hostname.slice(1, -1).split('::')
  const [before, after] = [split(head), split(tail)]
  return [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after]
}

function split(groups: string): string[] {
  return groups === '' ? [] : groups.split(':')
}

/**
 * A check whether an address is in each of `lists` of addresses and networks (CIDR); null when there is no list. What is no address is
 * in none. IPv4 and IPv6 are apart: `::/0` holds no IPv4 address.
 * @throws RangeError for an entry that is neither address nor network.
 */
export function createAddressCheck(lists: readonly (readonly string[])[]): ((address: string) => boolean) | null {
  if (lists.length === 0) return null
  const compiled = lists.map(compile)
  return (text) => {
    const client = clientAddress(text)
    return client !== null && compiled.every((list) => list[client.family].check(client.address, client.family))
  }
}

/** Whether every address of each of `inner` is in one of `outer`. */
export function areWithin(inner: readonly string[], outer: readonly string[]): boolean {
  const lists = outer.map((entry) => ({ network: parseNetwork(entry), list: compile([entry]) }))
  return inner
    .map(parseNetwork)
    .every(({ family, address, prefix }) =>
      lists.some(({ network, list }) => network.prefix <= prefix && list[family].check(address, family)),
    )
}

/** One list a family: a list for both would take IPv4 addresses for their mapped forms. */
function compile(entries: readonly string[]): Record<ClientAddress['family'], BlockList> {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const { family, address, prefix } of entries.map(parseNetwork)) lists[family].addSubnet(address, prefix, family)
  return lists
}

function parseNetwork(entry: string): Network {
  const [text = '', suffix] = entry.split('/')
  const client = clientAddress(text)
  if (client === null) throw new RangeError('neither an address nor a network')
  const isWrittenAsIPv6 = text.includes(':')
  const prefix = suffix === undefined ? (isWrittenAsIPv6 ? 128 : 32) : Number(suffix)
  if (client.family === 'ipv6' || !isWrittenAsIPv6) return { ...client, prefix }
  // Mapped IPv4, unless it reaches beyond all that is mapped.
  return prefix < MAPPED_BITS ? { family: 'ipv6', address: text, prefix } : { ...client, prefix: prefix - MAPPED_BITS }
}
