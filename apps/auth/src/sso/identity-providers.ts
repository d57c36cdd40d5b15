import { hash } from 'node:crypto'
import { createOutboundFetch } from '@memoric/service/outbound-fetch.ts'
import type { Configuration } from 'openid-client'
import { createProviderClient } from './provider-client.ts'
import { readMetadata } from './provider-metadata.ts'
import type { SignInProvider } from './sign-in-provider.ts'
import type { SsoSettings } from './sso-settings.ts'
import { createWaitingPlaces, type WaitingPlaces } from './waiting-places.ts'

/** Our side of the conversation with identity providers. */
export interface IdentityProviders {
  /** Reads the discovery document of an issuer anew. Throws ProviderFault when the provider cannot be used. */
  check(issuer: string): Promise<void>
  /** A client of a provider, with metadata and keys as they were five minutes ago at most. Throws ProviderFault. */
  client(provider: Pick<SignInProvider, 'id' | 'settings' | 'settingsSealed'>): Promise<Configuration>
  /** Takes a place for work that waits for a provider of a tenant. */
  readonly wait: WaitingPlaces
}

export interface IdentityProvidersOptions {
  readonly privateNetworks: boolean
  readonly now?: () => number
}

interface Entry {
  readonly client: Promise<Configuration>
  readonly until: number
}

const TTL_MS = 300_000
const MAX_CLIENTS = 200
const LIMITS = { connectMs: 3000, totalMs: 5000, maxBytes: 262_144 }

/** Whoever waits holds a connection of a gateway, of which there are 64: slow providers must not take all of them. */
const PLACES = { ofTenant: 24, all: 48 }

/** Makes a client for each provider on first use; the one that was made longest ago goes first. */
export function createIdentityProviders({
  privateNetworks,
  now = Date.now,
}: IdentityProvidersOptions): IdentityProviders {
  const options = { outbound: createOutboundFetch({ privateNetworks, ...LIMITS }), privateNetworks }
  const clients = new Map<string, Entry>()

  const make = (key: string, settings: SsoSettings): Promise<Configuration> => {
    const entry = { client: createProviderClient(settings, options), until: now() + TTL_MS }
    clients.delete(key)
    clients.set(key, entry)
    const [oldest] = clients.keys()
    if (clients.size > MAX_CLIENTS && oldest !== undefined) clients.delete(oldest)
    entry.client.catch(() => {
      if (clients.get(key) === entry) clients.delete(key)
    })
    return entry.client
  }

  return {
    async check(issuer) {
      await readMetadata(options, issuer)
    },
    client({ id, settings, settingsSealed }) {
      // A change of the settings makes another client.
      const key = `${id} ${hash('sha256', settingsSealed, 'base64')}`
      const present = clients.get(key)
      return present !== undefined && present.until > now() ? present.client : make(key, settings)
    },
    wait: createWaitingPlaces(PLACES),
  }
}
