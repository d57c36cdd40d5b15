import type { ssoProvider } from '@memoric/contracts/sso-contract.ts'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
import type { z } from 'zod'
import { gatewayKey } from './auth-settings.ts'
import type { Answer, Body } from './answer.ts'
import type { IdentityProvider } from '@memoric/testkit/use-identity-provider.ts'
import type { Owner } from './sign-up.ts'
import type { TestAuth } from './use-auth.ts'

export type SsoProviderBody = z.infer<typeof ssoProvider>

/** A body that makes a provider of this identity provider. */
export function providerBody({ issuer, clientId, clientSecret }: IdentityProvider, changes: object = {}) {
  return { name: 'Test', issuer, client_id: clientId, client_secret: clientSecret, ...changes }
}

/** Adds a provider to the tenant of an owner and lets the identity provider know the tenant. */
export async function addProvider(auth: TestAuth, idp: IdentityProvider, owner: Owner, changes: object = {}) {
  const answer = await auth.call('POST', '/v1/sso/providers', providerBody(idp, changes), owner.caller)
  if (answer.status !== 201) throw new Error(`no provider: ${JSON.stringify(answer.body)}`)
  const provider = answer.body as unknown as SsoProviderBody
  idp.allow(provider.redirect_uri)
  return provider
}

/** A browser without JavaScript: it keeps cookies of each origin and follows redirects until one leads to Memoric. */
export class Browser {
  readonly #cookies = new Map<string, Map<string, string>>()
  readonly #auth: TestAuth

  constructor(auth: TestAuth) {
    this.#auth = auth
  }

  /** Begins to sign in. Gives the answer of Memoric. */
  start(providerId: string): Promise<Answer> {
    return this.memoric(`/v1/auth/oidc/${providerId}/start`)
  }

  /** Goes to an identity provider and through its pages. Gives the path and query with which it sends the browser back. */
  async authorize(location: string): Promise<string> {
    let next = new URL(location)
    for (let step = 0; step < 10; step += 1) {
      if (isCallback(next)) return next.pathname + next.search
      const answer = await fetch(next, { redirect: 'manual', headers: { cookie: this.cookieHeader(next.origin) } })
      this.#keep(next.origin, answer.headers.getSetCookie())
      const to = answer.headers.get('location')
      if (to === null) throw new Error(`the identity provider answers ${answer.status}: ${await answer.text()}`)
      next = new URL(to, next)
    }
    throw new Error('too many redirects')
  }

  /** Asks Memoric for a page, as the gateway would. */
  async memoric(path: string, caller: object = {}): Promise<Answer> {
    const headers = { ...callerHeaders(gatewayKey, 'auth', caller), cookie: this.cookieHeader('memoric') }
    const answer = await this.#auth.app.inject({ method: 'GET', url: path, headers })
    this.#keep('memoric', [answer.headers['set-cookie'] ?? []].flat())
    const text = answer.body === '' ? 'null' : answer.body
    return { status: answer.statusCode, headers: answer.headers, body: JSON.parse(text) as Body }
  }

  /** The whole way. */
  async signIn(providerId: string, caller: object = {}): Promise<Answer> {
    return this.memoric(await this.comeBack(providerId), caller)
  }

  /** The way to the identity provider and back, to the callback that is not followed yet. */
  async comeBack(providerId: string): Promise<string> {
    const started = await this.start(providerId)
    if (started.status !== 302) throw new Error(`not started: ${JSON.stringify(started.body)}`)
    return this.authorize(String(started.headers['location']))
  }

  cookieHeader(origin: string): string {
    return [...(this.#cookies.get(origin) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** Replaces the cookies of an origin. */
  setCookies(origin: string, header: string): void {
    this.#cookies.set(origin, new Map())
    this.#keep(origin, header.split('; '))
  }

  /** Another window of the same browser, which does not see what this one receives from now on. */
  fork(): Browser {
    const window = new Browser(this.#auth)
    for (const origin of this.#cookies.keys()) window.setCookies(origin, this.cookieHeader(origin))
    return window
  }

  #keep(origin: string, lines: readonly string[]): void {
    const jar = this.#cookies.get(origin) ?? new Map<string, string>()
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '' || /max-age=0\b/i.test(line)) jar.delete(name)
      else jar.set(name, value)
    }
    this.#cookies.set(origin, jar)
  }
}

function isCallback({ pathname }: URL): boolean {
  return /^\/v1\/auth\/oidc\/[^/]+\/callback$/.test(pathname)
}
