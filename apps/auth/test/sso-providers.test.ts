import type { Caller } from '@memoric/contracts/caller.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { beforeEach, describe, expect, test } from 'vitest'
import { begin, comeBack, EVIL_CLIENT, goodClaims, signed, tokenAnswer, useEvilProvider } from './evil-provider.ts'
import { tenantScope } from '../src/tenant-scope.ts'
import { useRevokedIds } from './revocation-signals.ts'
import { type Owner, randomEmail, signUp } from './sign-up.ts'
import { Browser, type SsoProviderBody } from './sso-browser.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth({ OUTBOUND_PRIVATE_NETWORKS: 'true' })
const evil = useEvilProvider()
const revoked = useRevokedIds(auth)
let owner: Owner

beforeEach(async () => {
  owner = await signUp(auth)
})

const PATH = '/v1/sso/providers'
const bodyWith = (changes: object = {}) => ({ name: 'Canary Works', issuer: evil.issuer, ...EVIL_CLIENT, ...changes })
const create = (changes: object = {}, caller = owner.caller) => auth.call('POST', PATH, bodyWith(changes), caller)
const update = (id: string, changes: object = {}, caller = owner.caller) =>
  auth.call('PUT', `${PATH}/${id}`, bodyWith(changes), caller)
const remove = (id: string, caller = owner.caller) => auth.call('DELETE', `${PATH}/${id}`, undefined, caller)

async function add(changes: object = {}): Promise<SsoProviderBody> {
  const answer = await create(changes)
  if (answer.status !== 201) throw new Error(`no provider: ${JSON.stringify(answer.body)}`)
  return answer.body as unknown as SsoProviderBody
}

async function list(caller = owner.caller): Promise<SsoProviderBody[]> {
  const answer = await auth.call('GET', PATH, undefined, caller)
  return answer.body.items as unknown as SsoProviderBody[]
}

/** Signs a new person in; gives the ids of the user and of the session. */
async function signIn({ id }: SsoProviderBody, person: object = {}) {
  const browser = new Browser(auth)
  const { state, nonce } = await begin(browser, id)
  const email = randomEmail()
  evil.answers['/token'] = async () =>
    tokenAnswer(await signed(evil, goodClaims(evil, nonce, { sub: email, email, email_verified: true, ...person })))
  const answer = await comeBack(browser, id, { state, code: 'a code' })
  if (answer.status !== 200) throw new Error(`not signed in: ${JSON.stringify(answer.body)}`)
  const userId = answer.body.user.id
  const [session] = await auth.admin<{ id: string }[]>`
    select id from sessions where user_id = ${userId} order by id desc limit 1`
  return { userId, sessionId: session!.id, refreshToken: answer.body.refresh_token }
}

const lastEvent = async (type: Parameters<typeof auth.events>[0]) => (await auth.events(type)).at(-1)

describe('a new provider', () => {
  test('is shown with its addresses, and without its secret', async () => {
    const provider = await add({ role_claim: 'groups', role_mapping: { ops: 'admin' }, email_domains: ['Example.org'] })
    const base = `http://127.0.0.1:3456/v1/auth/oidc/${provider.id}`
    expect(provider).toEqual({
      id: provider.id,
      name: 'Canary Works',
      issuer: evil.issuer,
      client_id: EVIL_CLIENT.client_id,
      additional_scopes: [],
      role_claim: 'groups',
      role_mapping: { ops: 'admin' },
      default_role: 'user',
      create_members: true,
      email_domains: ['example.org'],
      start_url: `${base}/start`,
      redirect_uri: `${base}/callback`,
      created_at: provider.created_at,
      updated_at: provider.created_at,
    })
    expect(await list()).toEqual([provider])
  })

  test('is told in the log, without what it is', async () => {
    const { id } = await add({ role_mapping: { ops: 'admin', qa: 'admin' }, default_role: 'read_only' })
    const event = await lastEvent('sso.provider.created')
    expect(event).toMatchObject({
      tenantid: owner.tenantId,
      actor: `user:${owner.userId}`,
      data: { resource_id: id, status_code: 201, details: { create_members: true, roles: ['admin', 'read_only'] } },
    })
    for (const word of [evil.issuer, 'Canary', ...Object.values(EVIL_CLIENT)]) {
      expect(JSON.stringify(event)).not.toContain(word)
    }
  })

  test('is sealed in the database', async () => {
    const { id } = await add()
    const [row] = await auth.admin<{ settings_sealed: Buffer }[]>`
      select settings_sealed from sso_providers where id = ${id}`
    const kept = row!.settings_sealed.toString('latin1')
    for (const word of [evil.issuer, 'Canary', ...Object.values(EVIL_CLIENT)]) expect(kept).not.toContain(word)
  })

  test('does not open in the row of another', async () => {
    const [one, other] = [await add(), await add()]
    await auth.admin`
      update sso_providers set settings_sealed = (select settings_sealed from sso_providers where id = ${one.id})
      where id = ${other.id}`
    expect((await auth.call('GET', PATH, undefined, owner.caller)).status).toBe(500)
  })

  test('is one of ten at most, also when many are added at once', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => create()))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array<number>(10).fill(201), 422, 422])
    expect(await create()).toMatchObject({ status: 422, body: { code: 'rule_violated' } })
    const items = await list()
    expect(items).toHaveLength(10)
    expect(items.map(({ created_at }) => created_at)).toEqual(items.map(({ created_at }) => created_at).toSorted())
    expect((await remove(items[0]!.id)).status).toBe(204)
    expect((await create()).status).toBe(201)
  })

  const shapes: [string, object, string][] = [
    ['no secret', { client_secret: undefined }, '/client_secret'],
    ['no issuer', { issuer: undefined }, '/issuer'],
    ['an issuer that is no URL', { issuer: 'id.example.org' }, '/issuer'],
    ['an issuer of another scheme', { issuer: 'ftp://id.example.org' }, '/issuer'],
    ['a role that is none', { default_role: 'root' }, '/default_role'],
    ['the role of an owner', { role_mapping: { a: 'owner' } }, '/role_mapping/a'],
    ['a domain with an @', { email_domains: ['me@example.org'] }, '/email_domains/0'],
    ['no domain at all', { email_domains: [] }, '/email_domains'],
    ['a scope with a space', { additional_scopes: ['groups email'] }, '/additional_scopes/0'],
    ['a field that is not known', { tenant_id: 'x' }, '/tenant_id'],
    ['an empty name', { name: '' }, '/name'],
    [
      'too many names',
      { role_mapping: Object.fromEntries(Array.from({ length: 501 }, (_, n) => [`g${n}`, 'user'])) },
      '/role_mapping',
    ],
  ]
  test.each(shapes)('with %s is refused', async (_what, changes, pointer) => {
    const answer = await create(changes)
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation_failed', errors: [{ pointer }] } })
    expect(evil.seen).toHaveLength(0)
    expect(await list()).toEqual([])
  })
})

describe('saving asks the provider, and tells what is wrong without what it said', () => {
  const documents: [string, Record<string, unknown>, RegExp][] = [
    ['another issuer', { issuer: 'https://canary.example' }, /another issuer/],
    ['almost the issuer', { issuer: 'http://127.0.0.1' }, /another issuer/],
    ['no code flow', { response_types_supported: ['id_token', 'canary'] }, /authorization code flow/],
    ['plain PKCE only', { code_challenge_methods_supported: ['plain'] }, /S256/],
    ['no client secrets', { token_endpoint_auth_methods_supported: ['private_key_jwt'] }, /client secret/],
    ['signatures by secrets only', { id_token_signing_alg_values_supported: ['HS256', 'none'] }, /sign ID tokens/],
    ['no token endpoint', { token_endpoint: undefined }, /lacks/],
    ['no keys', { jwks_uri: undefined }, /lacks/],
    ['no list of algorithms', { id_token_signing_alg_values_supported: 'RS256' }, /lacks/],
    ['an endpoint that is no URL', { authorization_endpoint: 'canary' }, /lacks/],
    ['an endpoint with a password', { token_endpoint: 'https://canary:canary@example.org' }, /not allowed/],
    ['an endpoint of another scheme', { authorization_endpoint: 'javascript:canary' }, /not allowed/],
    ['a UserInfo of another scheme', { userinfo_endpoint: 'file:///etc/canary' }, /not allowed/],
  ]
  test.each(documents)('%s', async (_what, document, message) => {
    const good = await add()
    evil.discovery = document
    for (const answer of [await create(), await update(good.id, { name: 'Another' })]) {
      expect(answer).toMatchObject({ status: 422, body: { code: 'rule_violated', errors: [{ pointer: '/issuer' }] } })
      expect(answer.body.detail).toMatch(message)
      expect(JSON.stringify(answer.body)).not.toContain('canary')
    }
    expect(await list()).toEqual([good])
  })

  test.each([
    ['an error', { status: 404, body: 'canary' }, /status 200/],
    ['a page', { body: '<html>canary</html>', headers: { 'content-type': 'text/html' } }, /JSON/],
    ['a list', { body: ['canary'] }, /lacks/],
    ['a redirect', { status: 302, headers: { location: '/canary' }, body: '' }, /redirect/],
    ['far too much', { body: { canary: 'canary'.repeat(100_000) } }, /too large/],
  ])('%s', async (_what, answer, message) => {
    evil.answers['/.well-known/openid-configuration'] = () => answer
    const refused = await create()
    expect(refused).toMatchObject({ status: 422, body: { code: 'rule_violated' } })
    expect(refused.body.detail).toMatch(message)
    expect(JSON.stringify(refused.body)).not.toContain('canary')
  })

  test.each([
    ['nobody', 'http://127.0.0.1:1', /cannot be reached/],
    ['a user in the address', 'http://user:canary@127.0.0.1', /password/],
    ['a query', 'http://127.0.0.1:1/?canary', /query/],
    ['an empty fragment', 'http://127.0.0.1:1/#', /fragment/],
  ])('%s', async (_what, issuer, message) => {
    const answer = await create({ issuer })
    expect(answer).toMatchObject({ status: 422, body: { code: 'rule_violated' } })
    expect(answer.body.detail).toMatch(message)
    expect(JSON.stringify(answer.body)).not.toContain('canary')
  })

  test('what is left out has the meaning of the standard', async () => {
    evil.discovery = {
      code_challenge_methods_supported: undefined,
      token_endpoint_auth_methods_supported: undefined,
    }
    const provider = await add()
    await signIn(provider)
    const { headers, form } = evil.seen.find(({ path }) => path === '/token')!
    const { client_id, client_secret } = EVIL_CLIENT
    expect(headers.authorization).toMatch(/^Basic /)
    const encoded = Buffer.from(headers.authorization!.slice(6), 'base64').toString()
    expect(encoded.split(':').map((part) => decodeURIComponent(part.replaceAll('+', ' ')))).toEqual([
      client_id,
      client_secret,
    ])
    expect(form.has('client_secret')).toBe(false)
  })

  test('an issuer with a path has its document under the path', async () => {
    const issuer = `${evil.issuer}/realms/one/`
    const discovery = evil.answers['/.well-known/openid-configuration']!
    evil.answers['/realms/one/.well-known/openid-configuration'] = discovery
    evil.discovery = { issuer }
    expect((await add({ issuer })).issuer).toBe(issuer)
  })
})

describe('a change', () => {
  test('replaces the settings and keeps the secret that is left out', async () => {
    const provider = await add({ role_claim: 'groups' })
    const answer = await update(provider.id, { name: 'Renamed', client_secret: undefined, create_members: false })
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({ name: 'Renamed', role_claim: null, create_members: false })
    expect(await list()).toEqual([answer.body])
    expect(await lastEvent('sso.provider.updated')).toMatchObject({
      tenantid: owner.tenantId,
      data: { resource_id: provider.id, details: { changed: ['name', 'role_claim', 'create_members'] } },
    })
    await update(provider.id, { client_secret: undefined })
    await signIn(provider)
    expect(evil.seen.find(({ path }) => path === '/token')!.form.get('client_secret')).toBe(EVIL_CLIENT.client_secret)
  })

  test('of the secret counts at once, and is not told', async () => {
    const provider = await add()
    await signIn(provider)
    await update(provider.id, { client_secret: 'another secret' })
    evil.seen.length = 0
    await signIn(provider)
    expect(evil.seen.find(({ path }) => path === '/token')!.form.get('client_secret')).toBe('another secret')
    const event = await lastEvent('sso.provider.updated')
    expect(event!.data.details).toMatchObject({ changed: ['client_secret'] })
    expect(JSON.stringify(event)).not.toContain('another secret')
  })

  test.each([
    ['the issuer', () => ({ issuer: evil.issuer.replace('127.0.0.1', 'localhost') })],
    ['the client', () => ({ client_id: 'another' })],
  ])('of %s needs the secret, so that nobody has it sent to themselves', async (_what, change) => {
    const provider = await add()
    evil.discovery = change()
    evil.seen.length = 0
    const answer = await update(provider.id, { ...change(), client_secret: undefined })
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'rule_violated', errors: [{ pointer: '/client_secret' }] },
    })
    expect(evil.seen).toHaveLength(0)
    expect((await update(provider.id, change())).status).toBe(200)
  })

  test('of the client ends the links between subjects and members', async () => {
    const provider = await add()
    const { userId } = await signIn(provider, { sub: 'one' })
    await update(provider.id, { name: 'Renamed' })
    expect((await signIn(provider, { sub: 'one' })).userId).toBe(userId)
    await update(provider.id, { client_id: 'another' })
    expect(await auth.admin`select 1 from sso_identities where provider_id = ${provider.id}`).toHaveLength(0)
  })

  test('at the same time as others never mixes two', async () => {
    const { id } = await add()
    const names = ['A', 'B', 'C', 'D', 'E']
    const answers = await Promise.all(names.map((name) => update(id, { name, client_secret: `secret of ${name}` })))
    for (const { status } of answers) expect([200, 409]).toContain(status)
    const saved = answers.flatMap(({ status }, index) => (status === 200 ? [names[index]] : []))
    const [provider] = await list()
    expect(saved).toContain(provider!.name)
    await signIn(provider!)
    const { form } = evil.seen.find(({ path }) => path === '/token')!
    expect(form.get('client_secret')).toBe(`secret of ${provider!.name}`)
  })
})

describe('a removal', () => {
  test('ends the sessions that began through the provider, and no others', async () => {
    const [provider, other] = [await add(), await add()]
    const [ended, kept] = [await signIn(provider), await signIn(other)]
    expect((await remove(provider.id)).status).toBe(204)
    expect(await list()).toEqual([other])
    const [row] = await auth.admin`select revoked_reason from sessions where id = ${ended.sessionId}`
    expect(row).toEqual({ revoked_reason: 'provider_removed' })
    expect((await auth.call('POST', '/v1/auth/refresh', { refresh_token: ended.refreshToken })).status).toBe(401)
    expect((await auth.call('POST', '/v1/auth/refresh', { refresh_token: kept.refreshToken })).status).toBe(200)
    await expect.poll(() => revoked).toContain(ended.sessionId)
    expect(revoked).not.toContain(kept.sessionId)
    const [user] = await auth.admin`select deactivated_at from users where id = ${ended.userId}`
    expect(user).toEqual({ deactivated_at: null })
    expect(await lastEvent('sso.provider.deleted')).toMatchObject({
      data: { resource_id: provider.id, details: { sessions_revoked: 1 } },
    })
    expect(await lastEvent('auth.session.revoked')).toMatchObject({
      actor: `user:${owner.userId}`,
      data: { resource_id: ended.sessionId, reason: 'provider_removed', details: { user_id: ended.userId } },
    })
  })

  test('closes the way back to browsers that are at the provider', async () => {
    const provider = await add()
    const browser = new Browser(auth)
    const { state } = await begin(browser, provider.id)
    await remove(provider.id)
    const answer = await comeBack(browser, provider.id, { state, code: 'a code' })
    expect(answer).toMatchObject({ status: 404, body: { code: 'sso_provider_not_found' } })
    expect((await browser.start(provider.id)).status).toBe(404)
    expect((await remove(provider.id)).body.code).toBe('sso_provider_not_found')
  })

  test('leaves one where members have no other way in', async () => {
    const [provider, other] = [await add(), await add()]
    const settings = JSON.stringify({ sso_required: true })
    await auth.admin`update tenants set settings = ${settings}::text::jsonb where id = ${owner.tenantId}`
    expect((await remove(provider.id)).status).toBe(204)
    const { sessionId } = await signIn(other)
    expect(await remove(other.id)).toMatchObject({ status: 422, body: { code: 'rule_violated' } })
    expect(await list()).toEqual([other])
    const [row] = await auth.admin`select revoked_at from sessions where id = ${sessionId}`
    expect(row).toEqual({ revoked_at: null })
  })

  test('of both of two at once leaves one there', async () => {
    const providers = [await add(), await add()]
    const settings = JSON.stringify({ sso_required: true })
    await auth.admin`update tenants set settings = ${settings}::text::jsonb where id = ${owner.tenantId}`
    const answers = await Promise.all(providers.map(({ id }) => remove(id)))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 422])
  })
})

describe('who may', () => {
  test('nobody of another tenant', async () => {
    const provider = await add()
    const stranger = (await signUp(auth)).caller
    expect(await list(stranger)).toEqual([])
    for (const answer of [await update(provider.id, {}, stranger), await remove(provider.id, stranger)]) {
      expect(answer).toMatchObject({ status: 404, body: { code: 'sso_provider_not_found' } })
    }
    expect(await list()).toEqual([provider])
  })

  const limits: [string, Partial<Caller>, number, string][] = [
    [
      'nobody in particular',
      { permissions: [], principal: { type: 'anonymous', id: 'x' } },
      401,
      'authentication_required',
    ],
    ['a user', { permissions: ['memories:read', 'users:manage', 'keys:manage'] }, 403, 'permission_denied'],
  ]
  test.each(limits)('not %s', async (_what, limit, status, code) => {
    const provider = await add()
    const caller = { ...owner.caller, ...limit }
    const answers = [
      await create({}, caller),
      await update(provider.id, {}, caller),
      await remove(provider.id, caller),
      await auth.call('GET', PATH, undefined, caller),
    ]
    for (const answer of answers) expect(answer).toMatchObject({ status, body: { code } })
    expect(await list()).toEqual([provider])
  })

  test.each([
    ['does not hold what members may do', { permissions: ['admin:*'] }, 'scope_exceeds_creator'],
    ['is limited to subjects', { subjects: ['ada'] }, 'subject_not_allowed'],
    ['is limited to namespaces', { namespaces: ['work'] }, 'namespace_not_allowed'],
  ] satisfies [string, Partial<Caller>, string][])('not a key that %s', async (_what, limit, code) => {
    const provider = await add({ default_role: null, role_mapping: {} })
    const key = { ...owner.caller, principal: { type: 'api_key' as const, id: owner.userId }, ...limit }
    for (const rules of [{ default_role: 'user' }, { default_role: null, create_members: false }]) {
      for (const answer of [await create(rules, key), await update(provider.id, rules, key)]) {
        expect(answer).toMatchObject({ status: 403, body: { code } })
      }
    }
    expect(await list()).toEqual([provider])
  })
})

describe('row security', () => {
  const tables = ['sso_providers', 'sso_identities', 'sso_attempts'] as const

  test('shows a tenant its own providers and identities, and no attempts', async () => {
    const provider = await add()
    await signIn(provider)
    await new Browser(auth).start(provider.id)
    const stranger = await signUp(auth)
    const counts = async (tenantId: string) => {
      const rows = await tenantFlight(auth.deps.sql, tenantScope(tenantId), (tx) =>
        tables.map((table) => tx.unsafe(`select 1 from ${table}`)),
      )
      return rows.map(({ length }) => length)
    }
    expect(await counts(owner.tenantId)).toEqual([1, 1, 0])
    expect(await counts(stranger.tenantId)).toEqual([0, 0, 0])
  })

  test('lets nobody write for another tenant', async () => {
    const provider = await add()
    const stranger = await signUp(auth)
    const attempts = [
      `update sso_providers set settings_sealed = '' where id = '${provider.id}' returning 1`,
      `delete from sso_providers where id = '${provider.id}' returning 1`,
    ]
    for (const attempt of attempts) {
      const [rows] = await tenantFlight(auth.deps.sql, tenantScope(stranger.tenantId), (tx) => [tx.unsafe(attempt)])
      expect(rows).toHaveLength(0)
    }
    const smuggled = tenantFlight(auth.deps.sql, tenantScope(stranger.tenantId), (tx) => [
      tx`insert into sso_providers (tenant_id, id, settings_sealed) values (${owner.tenantId}, gen_random_uuid(), '')`,
    ])
    await expect(smuggled).rejects.toThrow('row-level security')
    expect(await list()).toEqual([provider])
  })
})
