import type { Grant } from '@memoric/contracts/introspection.ts'
import { createAddressCheck } from '@memoric/service/client-networks.ts'

/** A grant as the gateway keeps it: its networks are compiled once. */
export interface LiveGrant extends Grant {
  /** Whether it can be used from an address; null when from anywhere. */
  readonly admits: ((address: string) => boolean) | null
}

export function liveGrant(grant: Grant): LiveGrant {
  return { ...grant, admits: createAddressCheck(grant.networks) }
}
