import { lookup as lookUpAsHost, Resolver } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { isPublicAddress } from './outbound-addresses.ts'
import { OutboundError } from './outbound-error.ts'

/** Finds the IP addresses of a host name; rejects or gives none when there are none. */
export type ResolveAddresses = (host: string) => Promise<readonly string[]>

/**
 * By DNS alone, not by the file and services of this machine. It takes no thread, so names that somebody lets
 * resolve slowly keep nothing else of the process waiting.
 */
export async function resolveInDns(host: string): Promise<string[]> {
  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
}

/** As every program of this machine does: private names are in its files, too. */
export async function resolveAsHost(host: string): Promise<string[]> {
  return (await lookUpAsHost(host, { all: true })).map(({ address }) => address)
}

/**
 * The look-up of a connection: what it gives is what is connected to, so a name cannot mean one address when it is
 * checked and another when it is used. One address that is not allowed makes the name not allowed.
 */
export function guardedLookup(resolve: ResolveAddresses, isAllowed: (address: string) => boolean): LookupFunction {
  return (host, options, callback) => {
    checkedAddresses(host, resolve, isAllowed).then(
      (addresses) => {
        const found = addresses.map((address) => ({ address, family: isIP(address) }))
        const [first] = found
        if (options.all === true || first === undefined) callback(null, found)
        else callback(null, first.address, first.family)
      },
      (error: unknown) => callback(error as Error, []),
    )
  }
}

async function checkedAddresses(
  host: string,
  resolve: ResolveAddresses,
  isAllowed: (address: string) => boolean,
): Promise<readonly string[]> {
  const addresses = await resolve(host).catch((cause: unknown) => {
    throw new OutboundError('name_not_resolved', { cause })
  })
  if (addresses.length === 0) throw new OutboundError('name_not_resolved')
  if (!addresses.every(isAllowed)) throw new OutboundError('address_not_allowed')
  return addresses
}

/** Which addresses may be connected to. */
export function allowedAddresses({ privateNetworks }: { readonly privateNetworks: boolean }) {
  return privateNetworks ? () => true : isPublicAddress
}
