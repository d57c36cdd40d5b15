import { decodeJwt } from 'jose'
import type { TenantSettings } from '@memoric/contracts/tenant-contract.ts'
import { afterEach, expect, test, vi } from 'vitest'
import { buildApp } from '../src/app.ts'
import { sealNetworks } from '../src/tenants/tenant-settings.ts'
import { attemptPlace } from '../src/throttle/sign-in-throttle.ts'
import { type Owner, PASSWORD, signUp } from './sign-up.ts'
import { call, useAuth } from './use-auth.ts'

const auth = useAuth()
afterEach(() => vi.restoreAllMocks())

const ADDRESS = '198.51.100.10'
const WRONG = 'something else entirely'

const login = (email: string, password = PASSWORD, clientAddress = ADDRESS) =>
  auth.call('POST', '/v1/auth/login', { email, password }, { clientAddress })

/** What the tenant of an owner chooses. */
async function choose(
  { tenantId }: Owner,
  { ip_allow: networks, ...settings }: Partial<TenantSettings>,
): Promise<void> {
  const sealed = sealNetworks(auth.deps.keys.personal, tenantId, tenantId, networks ?? null)
  await auth.admin`
    update tenants set settings = ${JSON.stringify(settings)}::text::jsonb, ip_allow_sealed = ${sealed} where id = ${tenantId}`
}

const suspend = ({ tenantId }: Owner) => auth.admin`update tenants set suspended_at = now() where id = ${tenantId}`
const demote = ({ userId }: Owner) => auth.admin`update users set role = 'admin' where id = ${userId}`

const reasonsOf = async ({ userId }: Owner) =>
  (await auth.events('auth.login.failed'))
    .filter(({ data }) => data.resource_id === userId)
    .map(({ data }) => ({ reason: data.reason, outcome: data.outcome, status: data.status_code }))

const rules = {
  tenant_suspended: { prepare: suspend },
  sso_required: {
    prepare: async (owner: Owner) => {
      await choose(owner, { sso_required: true })
      await demote(owner)
    },
  },
  address_not_allowed: { prepare: (owner: Owner) => choose(owner, { ip_allow: ['192.0.2.0/24', '2001:db8::/32'] }) },
} as const

test.each(Object.entries(rules))('%s is told to those only who know the password', async (code, { prepare }) => {
  const owner = await signUp(auth)
  await prepare(owner)
  expect(await login(owner.email, WRONG)).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } })
  const sessions = () => auth.admin`select id from sessions where user_id = ${owner.userId}`
  const before = await sessions()
  expect(await login(owner.email)).toMatchObject({ status: 403, body: { code } })
  expect(await sessions()).toEqual(before)
  expect(await reasonsOf(owner)).toEqual([
    { reason: 'wrong_password', outcome: 'failure', status: 401 },
    { reason: code, outcome: 'denied', status: 403 },
  ])
})

test.each(Object.entries(rules))('%s is no failure, and forgives none', async (_code, { prepare }) => {
  const owner = await signUp(auth)
  await prepare(owner)
  await login(owner.email, WRONG)
  for (let i = 0; i < 10; i += 1) expect((await login(owner.email)).status).toBe(403)
  const { account, network } = attemptPlace(auth.deps.keys, { email: owner.email, address: ADDRESS })
  const counters = await auth.admin`
    select failures, last_success_at from sign_in_attempts where key in (${account}, ${network})`
  expect([...counters]).toEqual(Array(2).fill({ failures: 1, last_success_at: null }))
})

test('an owner is not bound to the provider of the tenant', async () => {
  const owner = await signUp(auth)
  await choose(owner, { sso_required: true })
  expect(await login(owner.email)).toMatchObject({ status: 200, body: { required_actions: [] } })
})

test.each(['192.0.2.77', '::ffff:192.0.2.77', '2001:db8:5::1'])(
  'a tenant lets in from its networks: %s',
  async (address) => {
    const owner = await signUp(auth)
    await choose(owner, { ip_allow: ['192.0.2.0/24', '2001:db8::/32'] })
    expect((await login(owner.email, PASSWORD, address)).status).toBe(200)
    expect((await login(owner.email, PASSWORD, '192.0.3.77')).status).toBe(403)
  },
)

test('where registration asks for a verified address, signing in does too', async () => {
  const owner = await signUp(auth)
  await auth.admin`update users set email_verified_at = null where id = ${owner.userId}`
  const config = { ...auth.deps.config, REGISTRATION: 'verified' as const }
  const app = await buildApp(config, { ...auth.deps, config })
  const attempt = (password = PASSWORD) => call(app, 'POST', '/v1/auth/login', { email: owner.email, password })
  expect((await attempt(WRONG)).body.code).toBe('invalid_credentials')
  expect(await attempt()).toMatchObject({ status: 403, body: { code: 'email_not_verified' } })
  await auth.admin`update users set email_verified_at = now() where id = ${owner.userId}`
  expect((await attempt()).status).toBe(200)
  await app.close()
})

test('a tenant that asks for a second factor says so at sign-in, and introspection gives the session nothing', async () => {
  const owner = await signUp(auth)
  await choose(owner, { totp_required: true })
  const { status, body } = await login(owner.email)
  expect({ status, required: body.required_actions }).toEqual({ status: 200, required: ['enroll_totp'] })
  const question = { kind: 'session', session_id: decodeJwt(body.access_token)['sid'], user_id: owner.userId }
  const gateway = { principal: { type: 'service', id: 'gateway' } } as const
  const answer = await auth.call('POST', '/internal/introspect', question, gateway)
  expect(answer.body.grant?.permissions).toEqual([])
})

test('a session lives as long as the tenant says, and no longer than the installation does', async () => {
  const owner = await signUp(auth)
  await choose(owner, { session_lifetime_days: 2, session_idle_minutes: 30, sessions_per_user: 1 })
  const first = String(decodeJwt((await login(owner.email)).body.access_token)['sid'])
  const second = String(decodeJwt((await login(owner.email)).body.access_token)['sid'])
  const [row] = await auth.admin`
    select round(extract(epoch from expires_at - created_at) / 86400)::int as days,
      round(extract(epoch from idle_expires_at - created_at) / 60)::int as minutes
    from sessions where id = ${second}`
  expect(row).toEqual({ days: 2, minutes: 30 })
  const [old] = await auth.admin`select revoked_reason from sessions where id = ${first}`
  expect(old).toEqual({ revoked_reason: 'too_many' })
  const ended = (await auth.events('auth.session.revoked')).map(({ data }) => data.resource_id)
  expect(ended).toContain(first)
  await choose(owner, { session_lifetime_days: 365 })
  const third = String(decodeJwt((await login(owner.email)).body.access_token)['sid'])
  const [long] = await auth.admin`
    select round(extract(epoch from expires_at - created_at) / 86400)::int as days from sessions where id = ${third}`
  expect(long).toEqual({ days: 30 })
})

test('a user without a password cannot sign in with any', async () => {
  const owner = await signUp(auth)
  await auth.admin`update users set password_hash = null where id = ${owner.userId}`
  expect(await login(owner.email)).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } })
  expect(await reasonsOf(owner)).toMatchObject([{ reason: 'no_password' }])
})

test('an account that is stopped between the check of the password and the session gets the answer of a stopped one', async () => {
  const owner = await signUp(auth)
  const { passwords } = auth.deps
  const verify = passwords.verify.bind(passwords)
  const racing = async (stop: () => PromiseLike<unknown>) => {
    vi.spyOn(passwords, 'verify').mockImplementationOnce(async (stored, password) => {
      const isRight = await verify(stored, password)
      await stop()
      return isRight
    })
    return login(owner.email)
  }
  const before = await auth.admin`select id from sessions where user_id = ${owner.userId}`
  const deactivate = () => auth.admin`update users set deactivated_at = now() where id = ${owner.userId}`
  expect(await racing(deactivate)).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } })
  await auth.admin`update users set deactivated_at = null where id = ${owner.userId}`
  expect(await racing(() => suspend(owner))).toMatchObject({ status: 403, body: { code: 'tenant_suspended' } })
  expect(await auth.admin`select id from sessions where user_id = ${owner.userId}`).toEqual(before)
})
