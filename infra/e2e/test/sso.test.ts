import { loginAnswer } from '@memoric/contracts/auth-contract.ts'
import { type Account, createAccount } from '@memoric/e2e/accounts.ts'
import { settled } from '@memoric/e2e/settled.ts'
import { useStack } from '@memoric/e2e/use-stack.ts'
import { useIdentityProvider } from '@memoric/testkit/use-identity-provider.ts'
import { beforeAll, expect, test } from 'vitest'

const stack = useStack({ overrides: { OUTBOUND_PRIVATE_NETWORKS: 'true', LOG_LEVEL: 'trace' } })
const idp = useIdentityProvider()
const EMAIL = 'noor@example.org'

let account: Account
let provider: { id: string; start_url: string; redirect_uri: string }

beforeAll(async () => {
  idp.account = { sub: 'subject-7f3a', email: EMAIL, email_verified: true, name: 'Noor Example', groups: ['staff'] }
  account = await createAccount(stack)
  provider = await stack.api.ok('createSsoProvider', account.session, {
    body: {
      name: 'Example',
      issuer: idp.issuer,
      client_id: idp.clientId,
      client_secret: idp.clientSecret,
      additional_scopes: ['groups'],
      role_claim: 'groups',
      role_mapping: { staff: 'read_only' },
    },
  })
  idp.allow(provider.redirect_uri)
})

/** What a browser saw on its way: each answer with its address. */
interface Visit {
  readonly url: URL
  readonly answer: Response
}

/** Opens an address as a browser does: with the cookies of each host and port, following redirects. */
async function browse(address: string): Promise<Visit[]> {
  const [cookies, visits] = [new Map<string, Map<string, string>>(), [] as Visit[]]
  let url: URL | null = new URL(address)
  while (url !== null && visits.length < 12) {
    const jar: Map<string, string> = cookies.get(url.origin) ?? new Map<string, string>()
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer: Response = await fetch(url, { redirect: 'manual', headers: { cookie } })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      jar.set(name, value)
    }
    cookies.set(url.origin, jar)
    visits.push({ url, answer })
    const location = answer.headers.get('location')
    url = location === null ? null : new URL(location, url)
  }
  return visits
}

test('a browser signs in through an identity provider, and what it passes by is in no log', async () => {
  const visits = await browse(provider.start_url)
  const [first, last] = [visits[0]!, visits.at(-1)!]
  expect([first.answer.status, first.url.origin]).toEqual([302, stack.settings.urls.gateway])
  expect(first.answer.headers.get('location')).toContain(`${idp.issuer}/auth?`)
  expect(`${last.url.origin}${last.url.pathname}`).toBe(provider.redirect_uri)
  expect(last.answer.status).toBe(200)
  expect(last.answer.headers.get('cache-control')).toBe('no-store')
  expect(last.answer.headers.get('referrer-policy')).toBe('no-referrer')
  expect(last.answer.headers.getSetCookie()).toEqual([expect.stringContaining('Max-Age=0')])
  const signedIn = loginAnswer.parse(await last.answer.json())
  expect(signedIn.user).toMatchObject({ tenant_id: account.tenantId, email: EMAIL, role: 'read_only' })

  const session = { token: signedIn.access_token }
  const { user, permissions } = await stack.api.ok('me', session)
  expect(user?.id).toBe(signedIn.user.id)
  expect(permissions).toContain('memories:read')
  expect((await stack.api.call('createMemory', session, { body: { content: 'x' } })).status).toBe(403)
  expect((await browse(last.url.href))[0]!.answer.status).toBe(403)

  const cookie = /=([\w-]{43});/.exec(first.answer.headers.getSetCookie()[0]!)![1]!
  const sent = new URL(first.answer.headers.get('location')!).searchParams
  const { code, state } = Object.fromEntries(last.url.searchParams)
  const secrets = [cookie, code!, state!, sent.get('nonce')!, signedIn.refresh_token, idp.clientSecret, EMAIL]
  expect(stack.log.some((line) => line.includes('/v1/auth/oidc/:provider/callback'))).toBe(true)
  for (const secret of [...secrets, encodeURIComponent(idp.clientSecret), 'subject-7f3a']) {
    expect(stack.log.filter((line) => line.includes(secret))).toEqual([])
  }
})

test('the log of the tenant tells it, and removing the provider ends the session at the gateway', async () => {
  const { api } = stack
  const { url, answer } = (await browse(provider.start_url)).at(-1)!
  const signedIn = loginAnswer.parse(await answer.json())
  const session = { token: signedIn.access_token }
  expect((await api.call('me', session)).status).toBe(200)
  await api.ok('deleteSsoProvider', account.session, { params: { id: provider.id } })
  await expect.poll(async () => (await api.call('me', session)).status, { timeout: 5000 }).toBe(401)
  expect((await api.call('startSso', null, { params: { provider: provider.id } })).problem?.code).toBe(
    'sso_provider_not_found',
  )
  await settled(stack)
  const { items } = await api.ok('listAuditLogs', account.session, { query: { limit: '200' } })
  const told = items.filter(({ details }) => details['provider_id'] === provider.id)
  expect(told.map(({ operation }) => operation).toSorted()).toEqual([
    'auth.login.failed',
    'auth.login.succeeded',
    'auth.login.succeeded',
    'user.created',
  ])
  expect(told.filter(({ operation }) => operation === 'auth.login.succeeded').map(({ email }) => email)).toEqual([
    EMAIL,
    EMAIL,
  ])
  for (const secret of url.searchParams.values()) {
    if (secret !== idp.issuer) expect(JSON.stringify(items)).not.toContain(secret)
  }
  const operations = items.map(({ operation }) => operation)
  for (const one of ['sso.provider.created', 'sso.provider.deleted', 'auth.session.revoked']) {
    expect(operations).toContain(one)
  }
})
