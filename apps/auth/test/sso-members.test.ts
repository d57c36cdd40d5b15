import { randomUUID } from 'node:crypto'
import { ROLE_PERMISSIONS, type Role } from '@memoric/contracts/permissions.ts'
import { beforeEach, describe, expect, test } from 'vitest'
import { useIdentityProvider } from '@memoric/testkit/use-identity-provider.ts'
import { useRevokedIds } from './revocation-signals.ts'
import { type Owner, randomEmail, signUp } from './sign-up.ts'
import { addProvider, Browser, providerBody, type SsoProviderBody } from './sso-browser.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth({ OUTBOUND_PRIVATE_NETWORKS: 'true' })
const idp = useIdentityProvider()
const revoked = useRevokedIds(auth)
let owner: Owner
let email: string

beforeEach(async () => {
  owner = await signUp(auth)
  email = randomEmail()
  person()
})

/** Who signs in from now on. */
function person(claims: object = {}): void {
  idp.account = { sub: `subject of ${email}`, email, email_verified: true, name: 'Noor Example', ...claims }
}

const signIn = (provider: SsoProviderBody) => new Browser(auth).signIn(provider.id)
const provide = (changes: object = {}) => addProvider(auth, idp, owner, changes)

const GROUPS = {
  additional_scopes: ['groups'],
  role_claim: 'groups',
  role_mapping: { admins: 'admin', staff: 'user', guests: 'read_only' },
}

/** A member with that role, as an administrator would add it. */
async function addMember(role: Role, address = email): Promise<string> {
  const body = { email: address, role, password: 'correct horse battery staple' }
  const answer = await auth.call('POST', '/v1/users', body, owner.caller)
  if (answer.status !== 201) throw new Error(`no member: ${JSON.stringify(answer.body)}`)
  return (answer.body as unknown as { id: string }).id
}

async function expectRefused(provider: SsoProviderBody, reason: string, userId: string | null = null): Promise<void> {
  const before = await auth.admin`select count(*) from users where tenant_id = ${owner.tenantId}`
  expect(await signIn(provider)).toMatchObject({ status: 403, body: { code: 'sso_refused' } })
  const failure = (await auth.events('auth.login.failed')).findLast(({ tenantid }) => tenantid === owner.tenantId)
  expect(failure).toMatchObject({ data: { reason, resource_id: userId, status_code: 403, outcome: 'failure' } })
  expect(await auth.admin`select count(*) from users where tenant_id = ${owner.tenantId}`).toEqual(before)
  expect(await auth.admin`select 1 from sessions where provider_id = ${provider.id}`).toHaveLength(0)
}

describe('roles', () => {
  test.each([
    ['a list', ['others', 'guests', 'admins', 'staff'], 'admin'],
    ['a list in another order', ['staff', 'guests'], 'user'],
    ['one name', 'guests', 'read_only'],
    ['a name that is not mapped', ['others'], 'user'],
    ['nothing', undefined, 'user'],
    ['an empty list', [], 'user'],
    ['a list of what are no names', [null, 1, {}, ['admins'], true], 'user'],
    ['an object', { admins: true }, 'user'],
    ['names that every object has', ['constructor', '__proto__', 'toString'], 'user'],
  ])('%s', async (_what, groups, role) => {
    person({ groups })
    const { body } = await signIn(await provide(GROUPS))
    expect(body.user.role).toBe(role)
  })

  test('a claim that every object has is none', async () => {
    const provider = await provide({ ...GROUPS, role_claim: 'constructor', role_mapping: { Object: 'admin' } })
    expect((await signIn(provider)).body.user.role).toBe('user')
  })

  test('owner cannot be given', async () => {
    for (const rules of [{ role_mapping: { admins: 'owner' } }, { default_role: 'owner' }]) {
      const body = { ...providerBody(idp), ...GROUPS, ...rules }
      expect((await auth.call('POST', '/v1/sso/providers', body, owner.caller)).body.code).toBe('validation_failed')
    }
    person({ groups: ['owner', 'owners'] })
    expect((await signIn(await provide(GROUPS))).body.user.role).toBe('user')
  })

  test('without a default, those whom the mapping does not name are refused', async () => {
    const provider = await provide({ ...GROUPS, default_role: null })
    person({ groups: ['others'] })
    await expectRefused(provider, 'no_role')
    person({ groups: ['guests'] })
    expect((await signIn(provider)).body.user.role).toBe('read_only')
  })

  test('without a role claim, new members get the default and members keep what they have', async () => {
    const provider = await provide({ default_role: 'read_only' })
    const { user } = (await signIn(provider)).body
    expect(user.role).toBe('read_only')
    await auth.admin`update users set role = 'admin' where id = ${user.id}`
    expect((await signIn(provider)).body.user.role).toBe('admin')
    const closed = await provide({ default_role: null })
    email = randomEmail()
    person()
    await expectRefused(closed, 'no_role')
  })

  test('follow the claim at every sign-in; gateways and the log are told', async () => {
    const provider = await provide(GROUPS)
    person({ groups: ['admins'] })
    const { user } = (await signIn(provider)).body
    const caller = {
      ...owner.caller,
      principal: { type: 'user' as const, id: user.id },
      permissions: [...ROLE_PERMISSIONS.admin],
    }
    const key = await auth.call('POST', '/v1/api-keys', { name: 'k', scopes: ['memories:read'] }, caller)
    person({ groups: ['guests'] })
    expect((await signIn(provider)).body.user).toMatchObject({ id: user.id, role: 'read_only' })
    expect((await auth.events('user.role_changed')).at(-1)).toMatchObject({
      tenantid: owner.tenantId,
      actor: `user:${user.id}`,
      data: { resource_id: user.id, details: { from: 'admin', to: 'read_only', provider_id: provider.id } },
    })
    await expect.poll(() => revoked).toContain(user.id)
    expect(revoked).toContain(key.body.id)
    const changes = (await auth.events('user.role_changed')).length
    await signIn(provider)
    expect(await auth.events('user.role_changed')).toHaveLength(changes)
    person({ groups: ['others'] })
    expect((await signIn(provider)).body.user.role).toBe('user')
  })

  test('refuse a member who has lost every name, and change nothing', async () => {
    const provider = await provide({ ...GROUPS, default_role: null })
    const userId = await addMember('user')
    await expectRefused(provider, 'no_role', userId)
    const [row] = await auth.admin`select role from users where id = ${userId}`
    expect(row).toEqual({ role: 'user' })
  })
})

describe('members who are there already', () => {
  test('are found by their address and known by the subject from then on', async () => {
    const userId = await addMember('user', email.toUpperCase())
    const provider = await provide({ create_members: false })
    expect((await signIn(provider)).body.user.id).toBe(userId)
    const linked = (await auth.events('user.updated')).at(-1)
    expect(linked).toMatchObject({
      data: { resource_id: userId, details: { changed: ['sso_identity'], provider_id: provider.id } },
    })
    person({ email: randomEmail() })
    expect((await signIn(provider)).body.user.id).toBe(userId)
    const [identity] = await auth.admin<{ subject_index: Buffer }[]>`
      select subject_index from sso_identities where user_id = ${userId}`
    expect(identity!.subject_index.toString('latin1')).not.toContain('subject')
  })

  test('get the role of the claim when they are linked', async () => {
    const userId = await addMember('admin')
    person({ groups: ['guests'] })
    expect((await signIn(await provide(GROUPS))).body.user).toMatchObject({ id: userId, role: 'read_only' })
  })

  test('may be linked to several providers', async () => {
    const userId = await addMember('user')
    for (const provider of [await provide(), await provide()]) {
      expect((await signIn(provider)).body.user.id).toBe(userId)
    }
  })

  test('are linked to one subject of a provider: whoever gets the address later is somebody else', async () => {
    const provider = await provide()
    const { user } = (await signIn(provider)).body
    await auth.admin`delete from sessions where provider_id = ${provider.id}`
    person({ sub: 'another subject' })
    await expectRefused(provider, 'linked_otherwise', user.id)
  })

  test('who are deactivated are refused, linked or not', async () => {
    const provider = await provide()
    const userId = await addMember('user')
    await auth.admin`update users set deactivated_at = now() where id = ${userId}`
    await expectRefused(provider, 'deactivated', userId)
    await auth.admin`update users set deactivated_at = null where id = ${userId}`
    expect((await signIn(provider)).status).toBe(200)
    await auth.admin`delete from sessions where provider_id = ${provider.id}`
    await auth.admin`update users set deactivated_at = now() where id = ${userId}`
    await expectRefused(provider, 'deactivated', userId)
  })

  test('of another tenant are not touched', async () => {
    const theirs = await addMember('admin')
    owner = await signUp(auth)
    const { user } = (await signIn(await provide())).body
    expect(user).toMatchObject({ tenant_id: owner.tenantId, role: 'user', email })
    expect(user.id).not.toBe(theirs)
  })
})

describe('owners', () => {
  test('are never linked: an administrator could point a provider at an owner', async () => {
    const provider = await provide({ ...GROUPS, default_role: 'admin' })
    email = owner.email
    person({ groups: ['guests'] })
    await expectRefused(provider, 'owner', owner.userId)
    expect(await auth.admin`select 1 from sso_identities where user_id = ${owner.userId}`).toHaveLength(0)
    const [row] = await auth.admin`select role from users where id = ${owner.userId}`
    expect(row).toEqual({ role: 'owner' })
  })

  test('do not come in by a link from the time before they were', async () => {
    const provider = await provide()
    const { user } = (await signIn(provider)).body
    await auth.admin`delete from sessions where provider_id = ${provider.id}`
    await auth.admin`update users set role = 'owner' where id = ${user.id}`
    await expectRefused(provider, 'owner', user.id)
  })
})

describe('addresses', () => {
  test.each([
    ['not verified', { email_verified: false }],
    ['verified in words only', { email_verified: 'true' }],
    ['said by nobody to be verified', { email_verified: undefined }],
    ['missing', { email: undefined }],
    ['not an address', { email: 'noor' }],
    ['two', { email: ['a@example.com', 'b@example.com'] }],
  ])('that are %s neither find a member nor make one', async (_what, claims) => {
    const provider = await provide()
    person(claims)
    await expectRefused(provider, 'email_not_verified')
    await addMember('user')
    await expectRefused(provider, 'email_not_verified')
  })

  test('do not matter for a subject that is known', async () => {
    const provider = await provide()
    const { user } = (await signIn(provider)).body
    person({ email: undefined, email_verified: undefined })
    expect((await signIn(provider)).body.user.id).toBe(user.id)
  })

  test.each(['noor@example.org', 'noor@Example.ORG'])('of a listed domain are let in: %s', async (address) => {
    const provider = await provide({ email_domains: ['Example.org'] })
    email = address
    person()
    expect((await signIn(provider)).status).toBe(200)
  })

  test.each([
    'noor@sub.example.org',
    'noor@example.org.evil.example',
    'noor@notexample.org',
    'example.org@evil.example',
  ])('of another domain are not: %s', async (address) => {
    const provider = await provide({ email_domains: ['example.org', 'example.com'] })
    email = address
    person()
    await expectRefused(provider, 'domain_not_allowed')
  })

  test('of a domain that is no longer listed shut out who was let in by it', async () => {
    const provider = await provide({ email_domains: ['example.com'] })
    expect((await signIn(provider)).status).toBe(200)
    await auth.admin`delete from sessions where provider_id = ${provider.id}`
    const body = { ...providerBody(idp), client_secret: undefined, email_domains: ['example.org'] }
    await auth.call('PUT', `/v1/sso/providers/${provider.id}`, body, owner.caller)
    const [{ user_id } = { user_id: '' }] = await auth.admin<{ user_id: string }[]>`
      select user_id from sso_identities where provider_id = ${provider.id}`
    await expectRefused(provider, 'domain_not_allowed', user_id)
    person({ email: undefined })
    await expectRefused(provider, 'email_not_verified', user_id)
  })
})

test('where members are not made by signing in, strangers are refused', async () => {
  await expectRefused(await provide({ create_members: false }), 'not_a_member')
})

test('a name that is none, or too long, is left out', async () => {
  const provider = await provide()
  for (const name of ['', ' ', 'x'.repeat(101), 7, null, undefined]) {
    email = randomEmail()
    person({ name })
    expect((await signIn(provider)).body.user.display_name).toBeNull()
  }
})

test('a person who comes back in several windows at once becomes one member', async () => {
  const provider = await provide()
  const windows = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const browser = new Browser(auth)
      return { browser, callback: await browser.comeBack(provider.id) }
    }),
  )
  const answers = await Promise.all(windows.map(({ browser, callback }) => browser.memoric(callback)))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  expect(new Set(answers.map(({ body }) => body.user.id)).size).toBe(1)
  const created = (await auth.events('user.created')).filter(({ tenantid }) => tenantid === owner.tenantId)
  expect(created).toHaveLength(1)
})

test('a person whom an administrator adds at the same moment is asked to come again', async () => {
  const provider = await provide()
  const browser = new Browser(auth)
  const callback = await browser.comeBack(provider.id)
  const { keys } = auth.deps
  const id = randomUUID()
  const sealed = keys.personal.seal({ tenantId: owner.tenantId, recordId: id, field: 'email' }, email)
  const pending = await auth.admin.begin(async (sql) => {
    await sql`
      insert into users (tenant_id, id, email_index, email_sealed, role)
      values (${owner.tenantId}, ${id}, ${keys.emailIndex(email)}, ${sealed}, 'user')`
    const answer = browser.memoric(callback)
    await expect.poll(waitingForLocks).toBeGreaterThan(0)
    return { answer }
  })
  expect(await pending.answer).toMatchObject({ status: 409, body: { code: 'write_conflict' } })
  expect((await signIn(provider)).body.user.id).toBe(id)
})

async function waitingForLocks(): Promise<number> {
  const [row] = await auth.admin<{ waiting: number }[]>`
    select count(*)::int as waiting from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
  return row!.waiting
}

test('sessions that are too many end as with a password', async () => {
  const settings = JSON.stringify({ sessions_per_user: 1 })
  await auth.admin`update tenants set settings = ${settings}::text::jsonb where id = ${owner.tenantId}`
  const provider = await provide()
  await signIn(provider)
  await signIn(provider)
  const sessions = await auth.admin`
    select revoked_reason from sessions where provider_id = ${provider.id} order by created_at`
  expect(sessions).toEqual([{ revoked_reason: 'too_many' }, { revoked_reason: null }])
})
