import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import {
  type Adapter,
  type AdapterPayload,
  type ClientMetadata,
  type Configuration,
  type JWKS,
  Provider,
} from 'oidc-provider'
import { afterAll, beforeAll } from 'vitest'

/** A person whom the identity provider knows. */
export interface Account {
  readonly sub: string
  readonly [claim: string]: unknown
}

/** A real OpenID provider on a port of this machine. Its members can be used from `beforeAll` on. */
export interface IdentityProvider {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** Lets browsers come back to this address. */
  allow(redirectUri: string): void
  /** Who signs in from now on, with every claim that the provider tells; null refuses, as when a person gives up. */
  account: Account | null
  /** Whether claims are in the ID token; by UserInfo alone otherwise. */
  claimsInIdToken: boolean
  stop(): Promise<void>
  start(): Promise<void>
}

export function useIdentityProvider(): IdentityProvider {
  const redirectUris: string[] = []
  let [port, jwks]: [number, JWKS] = [0, { keys: [] }]
  let provider: Provider | undefined
  const server = createServer((request, response) => void serve(running(), idp.account, request, response))
  const running = () => provider ?? fail()
  const rebuild = (): void => {
    provider = new Provider(idp.issuer, configuration(idp, redirectUris, jwks))
  }
  let claimsInIdToken = true
  const idp: IdentityProvider = {
    get issuer() {
      return `http://127.0.0.1:${port}`
    },
    clientId: 'memoric test',
    clientSecret: 'the secret of/the client, with signs & 100%',
    allow(redirectUri) {
      redirectUris.push(redirectUri)
      rebuild()
    },
    account: null,
    get claimsInIdToken() {
      return claimsInIdToken
    },
    set claimsInIdToken(value) {
      claimsInIdToken = value
      rebuild()
    },
    async start() {
      await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening))
      port = (server.address() as AddressInfo).port
    },
    async stop() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
  beforeAll(async () => {
    const { privateKey } = await generateKeyPair('RS256', { extractable: true })
    jwks = { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'one' }] }
    await idp.start()
    rebuild()
  })
  afterAll(() => (server.listening ? idp.stop() : undefined))
  return idp
}

function fail(): never {
  throw new Error('useIdentityProvider: it runs from beforeAll on')
}

function configuration(idp: IdentityProvider, redirectUris: readonly string[], jwks: JWKS): Configuration {
  const client: ClientMetadata = {
    client_id: idp.clientId,
    client_secret: idp.clientSecret,
    redirect_uris: [...redirectUris],
  }
  return {
    clients: redirectUris.length > 0 ? [client] : [],
    jwks,
    adapter: createAdapter,
    cookies: { keys: ['a key of this test'] },
    claims: { email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'], openid: ['sub'] },
    conformIdTokenClaims: !idp.claimsInIdToken,
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ ...idp.account, sub }) }),
    ttl: { AccessToken: 60, AuthorizationCode: 60, Grant: 60, IdToken: 60, Interaction: 60, Session: 60 },
  }
}

/** What the provider remembers, of all tests of a file. */
const memory = new Map<string, AdapterPayload>()

function createAdapter(model: string): Adapter {
  const keyOf = (id: string): string => `${model} ${id}`
  const findBy = (holds: (payload: AdapterPayload) => boolean) => Promise.resolve([...memory.values()].find(holds))
  return {
    upsert: (id, payload) => Promise.resolve(void memory.set(keyOf(id), payload)),
    find: (id) => Promise.resolve(memory.get(keyOf(id))),
    findByUid: (uid) => findBy((payload) => payload.uid === uid),
    findByUserCode: (userCode) => findBy((payload) => payload.userCode === userCode),
    consume: (id) => Promise.resolve(void Object.assign(memory.get(keyOf(id)) ?? {}, { consumed: Date.now() })),
    destroy: (id) => Promise.resolve(void memory.delete(keyOf(id))),
    revokeByGrantId(grantId) {
      for (const [key, payload] of memory) if (payload.grantId === grantId) memory.delete(key)
      return Promise.resolve()
    },
  }
}

async function serve(
  provider: Provider,
  account: Account | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.url?.startsWith('/interaction/')) await interact(provider, account, request, response)
  else await provider.callback()(request, response)
}

/** What a person would click on the pages of the provider. */
async function interact(
  provider: Provider,
  account: Account | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt, params, session } = await provider.interactionDetails(request, response)
  if (account === null) {
    return provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'gave up' })
  }
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: account.sub } })
  }
  const grant = new provider.Grant({ accountId: session?.accountId ?? '', clientId: String(params['client_id']) })
  grant.addOIDCScope(String(params['scope']))
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } })
}
