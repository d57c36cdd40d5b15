import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { useIdentityProvider } from '@memoric/testkit/use-identity-provider.ts'
import { type Owner, randomEmail, signUp } from './sign-up.ts'
import { addProvider, Browser, type SsoProviderBody } from './sso-browser.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth({ OUTBOUND_PRIVATE_NETWORKS: 'true' })
const idp = useIdentityProvider()
let owner: Owner
let provider: SsoProviderBody
let email: string

beforeEach(async () => {
  owner = await signUp(auth)
  provider = await addProvider(auth, idp, owner)
  email = randomEmail()
  idp.claimsInIdToken = true
  idp.account = { sub: `subject of ${email}`, email, email_verified: true, name: 'Noor Example' }
})

/** The last failed sign-in through the provider. */
async function lastFailure() {
  const events = await auth.events('auth.login.failed')
  return events.findLast(({ tenantid }) => tenantid === owner.tenantId)
}

const membersOf = (tenantId: string) =>
  auth.admin`select id from users where tenant_id = ${tenantId} and role <> 'owner'`
const openAttempts = () => auth.admin`select 1 from sso_attempts where provider_id = ${provider.id}`

describe('a person for whom the provider vouches', () => {
  test('becomes a member without a password and has a session', async () => {
    const answer = await new Browser(auth).signIn(provider.id)
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'cache-control': 'no-store' },
      body: { token_type: 'Bearer', expires_in: 900, required_actions: [] },
    })
    const { user } = answer.body
    expect(user).toMatchObject({ tenant_id: owner.tenantId, email, role: 'user', display_name: 'Noor Example' })
    expect(user).toMatchObject({ active: true, email_verified: true, totp_enabled: false })
    expect(user.last_sign_in_at).not.toBeNull()
    const [row] = await auth.admin`select password_hash from users where id = ${user.id}`
    expect(row).toEqual({ password_hash: null })
    const [session] =
      await auth.admin`select method, provider_id, second_factor from sessions where user_id = ${user.id}`
    expect(session).toEqual({ method: 'sso', provider_id: provider.id, second_factor: false })
    const caller = { tenantId: user.tenant_id, principal: { type: 'user' as const, id: user.id } }
    expect((await auth.call('GET', '/v1/auth/me', undefined, caller)).body.user.id).toBe(user.id)
    expect((await auth.call('POST', '/v1/auth/refresh', { refresh_token: answer.body.refresh_token })).status).toBe(200)
  })

  test('is the same member the next time, also with another address', async () => {
    const first = await new Browser(auth).signIn(provider.id)
    idp.account = { ...idp.account, sub: `subject of ${email}`, email: randomEmail() }
    const second = await new Browser(auth).signIn(provider.id)
    expect(second.body.user.id).toBe(first.body.user.id)
    expect(second.body.user.email).toBe(email)
    expect(await membersOf(owner.tenantId)).toHaveLength(1)
  })

  test('cannot sign in with a password, for there is none', async () => {
    await new Browser(auth).signIn(provider.id)
    for (const password of ['', ' ', 'null', 'undefined', 'correct horse battery staple']) {
      const answer = await auth.call('POST', '/v1/auth/login', { email, password })
      expect(answer.status).toBeGreaterThanOrEqual(400)
    }
  })

  test('is known by UserInfo where the ID token tells less', async () => {
    idp.claimsInIdToken = false
    expect(await new Browser(auth).signIn(provider.id)).toMatchObject({ status: 200, body: { user: { email } } })
  })

  test('needs no second factor of ours', async () => {
    const settings = JSON.stringify({ totp_required: true, sso_required: true })
    await auth.admin`update tenants set settings = ${settings}::text::jsonb where id = ${owner.tenantId}`
    const answer = await new Browser(auth).signIn(provider.id)
    expect(answer).toMatchObject({ status: 200, body: { required_actions: [] } })
  })

  test('is told in the log, and no code, token or subject with it', async () => {
    const browser = new Browser(auth)
    const callback = await browser.comeBack(provider.id)
    const { body } = await browser.memoric(callback)
    const created = (await auth.events('user.created')).at(-1)!
    const succeeded = (await auth.events('auth.login.succeeded')).at(-1)!
    const facts = { tenantid: owner.tenantId, actor: `user:${body.user.id}` }
    expect(created).toMatchObject({
      ...facts,
      data: { resource_id: body.user.id, details: { role: 'user', with_password: false, provider_id: provider.id } },
    })
    expect(succeeded).toMatchObject({
      ...facts,
      data: {
        status_code: 200,
        endpoint: '/v1/auth/oidc/:provider/callback',
        details: { user_id: body.user.id, method: 'sso', provider_id: provider.id },
      },
    })
    expect(auth.personalOf(succeeded).email).toBe(email)
    expect(auth.personalOf(created).email).toBe(email)
    const said = JSON.stringify(await auth.admin`select payload from outbox where tenant_id = ${owner.tenantId}`)
    for (const secret of [...new URL(callback, 'http://x').searchParams.values(), idp.account!.sub, email, 'Noor']) {
      expect(said).not.toContain(secret)
    }
  })
})

describe('the way to the provider', () => {
  test('is the code flow with PKCE, a nonce and a state', async () => {
    const answer = await new Browser(auth).start(provider.id)
    const location = new URL(String(answer.headers['location']))
    expect(location.origin).toBe(idp.issuer)
    const { state, nonce, code_challenge, ...rest } = Object.fromEntries(location.searchParams)
    expect(rest).toEqual({
      client_id: idp.clientId,
      redirect_uri: provider.redirect_uri,
      response_type: 'code',
      scope: 'openid email profile',
      code_challenge_method: 'S256',
    })
    expect([state!.length, nonce!.length, code_challenge!.length]).toEqual([53, 43, 43])
    expect(answer.headers['cache-control']).toBe('no-store')
  })

  test('asks for the scopes that the tenant wants too', async () => {
    const other = await addProvider(auth, idp, owner, { additional_scopes: ['groups', 'openid'] })
    const location = new URL(String((await new Browser(auth).start(other.id)).headers['location']))
    expect(location.searchParams.get('scope')).toBe('openid email profile groups')
  })

  test('leaves a cookie that only this browser has, for ten minutes', async () => {
    const { headers } = await new Browser(auth).start(provider.id)
    const path = new URL(provider.redirect_uri).pathname
    expect(headers['set-cookie']).toMatch(
      new RegExp(`^memoric-sso-[0-9a-f]{16}=[\\w-]{43}; Path=${path}; HttpOnly; SameSite=Lax; Max-Age=600$`),
    )
  })

  test('keeps state, nonce and verifier nowhere readable', async () => {
    const browser = new Browser(auth)
    const { headers } = await browser.start(provider.id)
    const { state, nonce } = Object.fromEntries(new URL(String(headers['location'])).searchParams)
    const [row] = await auth.admin<{ state_hash: Buffer; attempt_sealed: Buffer }[]>`
      select state_hash, attempt_sealed from sso_attempts where provider_id = ${provider.id}`
    const kept = Buffer.concat([row!.state_hash, row!.attempt_sealed]).toString('latin1')
    for (const secret of [state!, nonce!, browser.cookieHeader('memoric').slice(-43)])
      expect(kept).not.toContain(secret)
  })

  test('ends at the tenant that is suspended and at the provider that is not there', async () => {
    const browser = new Browser(auth)
    const callback = await browser.comeBack(provider.id)
    await auth.admin`update tenants set suspended_at = now() where id = ${owner.tenantId}`
    expect((await browser.start(provider.id)).body.code).toBe('tenant_suspended')
    expect((await browser.memoric(callback)).body.code).toBe('tenant_suspended')
    await auth.admin`update tenants set suspended_at = null where id = ${owner.tenantId}`
    expect((await browser.memoric(callback)).status).toBe(200)
    const nowhere = '0198c0de-0000-7000-8000-00000000abcd'
    for (const path of ['start', 'callback', 'callback?state=x&code=y']) {
      const answer = await browser.memoric(`/v1/auth/oidc/${nowhere}/${path}`)
      expect(answer).toMatchObject({ status: 404, body: { code: 'sso_provider_not_found' } })
    }
  })

  test('is open for so many at a time', async () => {
    await auth.admin`
      insert into sso_attempts (state_hash, provider_id, attempt_sealed, expires_at)
      select sha256(convert_to(${provider.id} || n, 'UTF8')), ${provider.id}, '\\x00', now() + interval '1 minute'
      from generate_series(1, 10000) n`
    const answer = await new Browser(auth).start(provider.id)
    expect(answer).toMatchObject({ status: 429, body: { code: 'rate_limited' }, headers: { 'retry-after': '60' } })
    const other = await addProvider(auth, idp, owner)
    expect((await new Browser(auth).start(other.id)).status).toBe(302)
    await auth.admin`update sso_attempts set expires_at = now() - interval '1 second' where provider_id = ${provider.id}`
    expect((await new Browser(auth).start(provider.id)).status).toBe(302)
    expect(await openAttempts()).toHaveLength(9901)
    await auth.admin`delete from sso_attempts`
  })
})

describe('the way back', () => {
  test('takes the cookie away', async () => {
    const browser = new Browser(auth)
    const callback = await browser.comeBack(provider.id)
    expect(browser.cookieHeader('memoric')).toContain('memoric-sso-')
    const { headers } = await browser.memoric(callback)
    expect(headers['set-cookie']).toMatch(/^memoric-sso-[0-9a-f]{16}=; .*Max-Age=0$/)
    expect(browser.cookieHeader('memoric')).toBe('')
    expect(await openAttempts()).toHaveLength(0)
  })

  test('works for several attempts in one browser, in any order', async () => {
    const browser = new Browser(auth)
    const callbacks = [await browser.comeBack(provider.id), await browser.comeBack(provider.id)]
    for (const callback of callbacks.toReversed()) expect((await browser.memoric(callback)).status).toBe(200)
  })

  test('works once', async () => {
    const browser = new Browser(auth)
    const callback = await browser.comeBack(provider.id)
    const cookie = browser.cookieHeader('memoric')
    expect((await browser.memoric(callback)).status).toBe(200)
    const again = new Browser(auth)
    again.setCookies('memoric', cookie)
    expect(await again.memoric(callback)).toMatchObject({ status: 403, body: { code: 'sso_refused' } })
    expect(await lastFailure()).toMatchObject({
      data: {
        reason: 'unknown_attempt',
        outcome: 'failure',
        status_code: 403,
        resource_id: null,
        details: { method: 'sso', provider_id: provider.id },
      },
    })
    const sessions = await auth.admin`select 1 from sessions where provider_id = ${provider.id}`
    expect(sessions).toHaveLength(1)
  })

  test('works for one of twenty who come at once', async () => {
    const browser = new Browser(auth)
    const callback = await browser.comeBack(provider.id)
    const answers = await Promise.all(Array.from({ length: 20 }, () => browser.fork().memoric(callback)))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array<number>(19).fill(403)])
    expect(await membersOf(owner.tenantId)).toHaveLength(1)
  })

  test('is closed to another browser, and stays open to the right one', async () => {
    const browser = new Browser(auth)
    const callback = await browser.comeBack(provider.id)
    const stranger = new Browser(auth)
    expect(await stranger.memoric(callback)).toMatchObject({ status: 403, body: { code: 'sso_refused' } })
    await stranger.start(provider.id)
    expect((await stranger.memoric(callback)).status).toBe(403)
    const [name] = browser.cookieHeader('memoric').split('=')
    for (const value of ['', 'x', randomBytes(32).toString('base64url'), 'x'.repeat(7000)]) {
      stranger.setCookies('memoric', `${name}=${value}`)
      expect((await stranger.memoric(callback)).status).toBe(403)
    }
    expect(await membersOf(owner.tenantId)).toHaveLength(0)
    expect((await browser.memoric(callback)).status).toBe(200)
  })

  test('is closed after ten minutes', async () => {
    const browser = new Browser(auth)
    const callback = await browser.comeBack(provider.id)
    const [{ left } = { left: 0 }] = await auth.admin<{ left: number }[]>`
      select extract(epoch from expires_at - now())::float8 as left from sso_attempts where provider_id = ${provider.id}`
    expect(left).toBeGreaterThan(590)
    expect(left).toBeLessThanOrEqual(600)
    await auth.admin`update sso_attempts set expires_at = now() where provider_id = ${provider.id}`
    expect(await browser.memoric(callback)).toMatchObject({ status: 403, body: { code: 'sso_refused' } })
  })

  test('leads to the provider from which it began only', async () => {
    const other = await addProvider(auth, idp, owner)
    const browser = new Browser(auth)
    const callback = await browser.comeBack(provider.id)
    expect((await browser.memoric(callback.replace(provider.id, other.id))).status).toBe(403)
    expect((await browser.memoric(callback)).status).toBe(200)
  })

  test('is refused when the settings were changed meanwhile', async () => {
    const browser = new Browser(auth)
    const callback = await browser.comeBack(provider.id)
    const release = await holdProvider()
    const pending = browser.memoric(callback)
    await expect.poll(waitingForLocks).toBeGreaterThan(0)
    await release()
    expect(await pending).toMatchObject({ status: 403, body: { code: 'sso_refused' } })
    expect(await lastFailure()).toMatchObject({ data: { reason: 'provider_changed' } })
    expect(await membersOf(owner.tenantId)).toHaveLength(0)
  })

  test('with what the provider refuses is told with the reason', async () => {
    idp.account = null
    const browser = new Browser(auth)
    const callback = await browser.comeBack(provider.id)
    expect(callback).toContain('error=access_denied')
    expect(await browser.memoric(callback)).toMatchObject({ status: 403, body: { code: 'sso_refused' } })
    expect(await lastFailure()).toMatchObject({
      data: { reason: 'provider_refused', details: { error: 'access_denied' } },
    })
    expect(await openAttempts()).toHaveLength(0)
  })

  test.each([
    ['no state', (url: URL) => url.searchParams.delete('state')],
    ['another state', (url: URL) => url.searchParams.set('state', `sso_${'0'.repeat(49)}`)],
    ['junk for a state', (url: URL) => url.searchParams.set('state', "' or 1=1 --")],
    ['no code', (url: URL) => url.searchParams.delete('code')],
    ['another code', (url: URL) => url.searchParams.set('code', 'another')],
    ['the issuer of another provider', (url: URL) => url.searchParams.set('iss', 'https://other.example')],
    ['no issuer though the provider promises one', (url: URL) => url.searchParams.delete('iss')],
  ])('with %s is refused', async (_what, change) => {
    const browser = new Browser(auth)
    const url = new URL(await browser.comeBack(provider.id), 'http://memoric')
    change(url)
    const answer = await browser.memoric(url.pathname + url.search)
    expect(answer).toMatchObject({ status: 403, body: { code: 'sso_refused' } })
    expect(await membersOf(owner.tenantId)).toHaveLength(0)
  })

  test.each([
    ['two states', 'state=a&state=b&code=c'],
    ['a state that is too long', `state=${'a'.repeat(513)}&code=c`],
    ['a code that is too long', `state=a&code=${'c'.repeat(4097)}`],
    ['an empty state', 'state=&code=c'],
    ['two codes', 'state=a&code=b&code=c'],
  ])('with %s has not the right shape', async (_what, query) => {
    const answer = await new Browser(auth).memoric(`/v1/auth/oidc/${provider.id}/callback?${query}`)
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
  })

  test('with the code of another attempt is refused', async () => {
    const [mine, theirs] = [new Browser(auth), new Browser(auth)]
    const stolen = new URL(await theirs.comeBack(provider.id), 'http://memoric').searchParams.get('code')!
    const url = new URL(await mine.comeBack(provider.id), 'http://memoric')
    url.searchParams.set('code', stolen)
    expect((await mine.memoric(url.pathname + url.search)).status).toBe(403)
    expect(await lastFailure()).toMatchObject({ data: { reason: 'code_refused' } })
  })

  test('goes by the networks of the tenant', async () => {
    const { keys } = auth.deps
    const place = { tenantId: owner.tenantId, recordId: owner.tenantId, field: 'ip_allow' } as const
    const sealed = keys.personal.seal(place, JSON.stringify(['203.0.113.0/24']))
    await auth.admin`update tenants set ip_allow_sealed = ${sealed} where id = ${owner.tenantId}`
    const outside = await new Browser(auth).signIn(provider.id, { clientAddress: '198.51.100.1' })
    expect(outside).toMatchObject({ status: 403, body: { code: 'address_not_allowed' } })
    expect(await lastFailure()).toMatchObject({ data: { reason: 'address_not_allowed' } })
    expect(await membersOf(owner.tenantId)).toHaveLength(0)
    expect((await new Browser(auth).signIn(provider.id, { clientAddress: '203.0.113.9' })).status).toBe(200)
  })
})

/** Changes the provider in a transaction that `release` ends. */
async function holdProvider(): Promise<() => Promise<void>> {
  let release: () => void = () => undefined
  const released = new Promise<void>((resolve) => (release = resolve))
  let isHeld: () => void = () => undefined
  const held = new Promise<void>((resolve) => (isHeld = resolve))
  const done = auth.admin.begin(async (sql) => {
    await sql`update sso_providers set settings_sealed = settings_sealed || '\\x00' where id = ${provider.id}`
    isHeld()
    await released
  })
  await held
  return async () => {
    release()
    await done
  }
}

async function waitingForLocks(): Promise<number> {
  const [row] = await auth.admin<{ waiting: number }[]>`
    select count(*)::int as waiting from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
  return row!.waiting
}
