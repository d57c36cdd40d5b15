import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import type { Answer } from './answer.ts'
import type { Browser } from './sso-browser.ts'

/** An answer of the evil provider; a string is sent as it is. */
export interface EvilAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
}

/** An OpenID provider that says whatever a test wants. What a test changes is as it should be again in the next one. */
export interface EvilProvider {
  readonly issuer: string
  readonly key: CryptoKey
  readonly publicKey: CryptoKey
  readonly jwk: JWK
  /** By path; each answers what a good provider would unless a test replaces it. */
  readonly answers: Record<string, (request: EvilRequest) => EvilAnswer | Promise<EvilAnswer>>
  readonly seen: EvilRequest[]
  /** Fields of the discovery document that are other than a good provider's; undefined leaves one out. */
  discovery: Readonly<Record<string, unknown>>
}

export interface EvilRequest {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly form: URLSearchParams
}

export const EVIL_CLIENT = { client_id: 'the client', client_secret: 'a secret that no test may tell' }

export function useEvilProvider(): EvilProvider {
  const [answers, seen]: [EvilProvider['answers'], EvilRequest[]] = [{}, []]
  const kept: { port: number; keys?: { privateKey: CryptoKey; publicKey: CryptoKey }; jwk: JWK } = { port: 0, jwk: {} }
  const server = createServer((request, response) => void serve(evil, request, response))
  const keys = () => kept.keys ?? fail()
  const evil: EvilProvider = {
    get issuer() {
      return `http://127.0.0.1:${kept.port}`
    },
    get key() {
      return keys().privateKey
    },
    get publicKey() {
      return keys().publicKey
    },
    get jwk() {
      return kept.jwk
    },
    answers,
    seen,
    discovery: {},
  }
  beforeAll(async () => {
    kept.keys = await generateKeyPair('RS256', { extractable: true })
    kept.jwk = { ...(await exportJWK(kept.keys.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    kept.port = (server.address() as AddressInfo).port
  })
  beforeEach(() => {
    seen.length = 0
    evil.discovery = {}
    for (const path of Object.keys(answers)) Reflect.deleteProperty(answers, path)
    answers['/.well-known/openid-configuration'] = () => ({
      body: { ...goodDiscovery(evil.issuer), ...evil.discovery },
    })
    answers['/jwks'] = () => ({ body: { keys: [evil.jwk] } })
  })
  afterAll(async () => {
    server.closeAllConnections()
    await new Promise((closed) => server.close(closed))
  })
  return evil
}

function fail(): never {
  throw new Error('useEvilProvider: it runs from beforeAll on')
}

function goodDiscovery(issuer: string) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code', 'id_token'],
    id_token_signing_alg_values_supported: ['RS256', 'ES256', 'HS256', 'none'],
    code_challenge_methods_supported: ['plain', 'S256'],
    token_endpoint_auth_methods_supported: ['client_secret_post'],
  }
}

async function serve(evil: EvilProvider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const form = new URLSearchParams(await text(request))
  const path = (request.url ?? '').replace(/\?.*/, '')
  const asked = { path, headers: request.headers, form }
  evil.seen.push(asked)
  const answer = (await evil.answers[path]?.(asked)) ?? { status: 404, body: '' }
  const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body)
  response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers }).end(body)
}

/** The claims of a good ID token for a person. */
export function goodClaims({ issuer }: EvilProvider, nonce: string, person: JWTPayload): JWTPayload {
  const now = Math.floor(Date.now() / 1000)
  return { iss: issuer, aud: EVIL_CLIENT.client_id, iat: now, exp: now + 60, nonce, ...person }
}

export function signed(evil: EvilProvider, claims: JWTPayload, key: CryptoKey = evil.key): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'one' }).sign(key)
}

export const tokenAnswer = (idToken: unknown) => ({
  body: { access_token: 'an access token', token_type: 'Bearer', expires_in: 60, id_token: idToken },
})

/** Begins to sign in; gives what the provider learns of it. */
export async function begin(browser: Browser, providerId: string) {
  const started = await browser.start(providerId)
  if (started.status !== 302) throw new Error(`not started: ${JSON.stringify(started.body)}`)
  const { searchParams } = new URL(String(started.headers['location']))
  return { state: searchParams.get('state') ?? '', nonce: searchParams.get('nonce') ?? '' }
}

/** Comes back from the provider with these parameters. */
export function comeBack(
  browser: Browser,
  providerId: string,
  parameters: Readonly<Record<string, string>>,
  caller?: object,
): Promise<Answer> {
  return browser.memoric(`/v1/auth/oidc/${providerId}/callback?${new URLSearchParams(parameters).toString()}`, caller)
}
