import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import { createPasswordHasher } from '@memoric/crypto/passwords.ts'
import { afterEach, expect, test, vi } from 'vitest'
import { type Owner, PASSWORD, randomEmail, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()
afterEach(() => vi.restoreAllMocks())

const login = (email: string, password = PASSWORD, tenant?: string) =>
  auth.call('POST', '/v1/auth/login', { email, password, ...(tenant !== undefined && { tenant }) })

const deactivate = (owner: Owner) => auth.admin`update users set deactivated_at = now() where id = ${owner.userId}`

/** The last event of a failed sign-in with this e-mail. */
async function failureOf(email: string) {
  const events = await auth.events('auth.login.failed')
  return events.findLast((event) => auth.personalOf(event).email === email)!
}

test('the right password begins a session', async () => {
  const owner = await signUp(auth)
  const answer = await login(owner.email)
  expect(answer).toMatchObject({ status: 200, body: { user: { id: owner.userId }, token_type: 'Bearer' } })
  const event = (await auth.events('auth.login.succeeded')).at(-1)!
  expect(event).toMatchObject({ tenantid: owner.tenantId, actor: `user:${owner.userId}`, data: { status_code: 200 } })
  const [session] = await auth.admin`select user_id from sessions where id = ${event.data.resource_id}`
  expect(session).toEqual({ user_id: owner.userId })
})

test('the case of an e-mail does not matter, that of a password does', async () => {
  const owner = await signUp(auth)
  expect((await login(owner.email.toUpperCase())).status).toBe(200)
  expect((await login(owner.email, PASSWORD.toUpperCase())).status).toBe(401)
})

test('a password counts as typed on any keyboard', async () => {
  const email = randomEmail()
  await auth.call('POST', '/v1/auth/register', { email, password: 'ein Caf\u00e9 am Morgen', tenant_name: 'Acme' })
  expect((await login(email, 'ein Cafe\u0301 am Morgen')).status).toBe(200)
})

test('an unknown e-mail, a wrong password and a deactivated account get the same answer', async () => {
  const [known, gone] = [await signUp(auth), await signUp(auth)]
  await deactivate(gone)
  const answers = [
    await login(randomEmail()),
    await login(known.email, 'something else entirely'),
    await login(gone.email),
  ]
  const [first, ...others] = answers.map(({ status, headers, body }) => ({
    status,
    body: { ...body, request_id: null },
    headers: { ...headers, date: null },
  }))
  expect(first).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } })
  expect(others).toEqual([first, first])
})

test('all of them cost one password check', async () => {
  const [known, gone] = [await signUp(auth), await signUp(auth)]
  await deactivate(gone)
  const verify = vi.spyOn(auth.deps.passwords, 'verify')
  const verifyDummy = vi.spyOn(auth.deps.passwords, 'verifyDummy')
  const checks = () => verify.mock.calls.length + verifyDummy.mock.calls.length
  await login(randomEmail())
  expect(checks()).toBe(1)
  await login(known.email, 'something else entirely')
  expect(checks()).toBe(2)
  await login(gone.email)
  expect(checks()).toBe(3)
})

test('a failure is told with its reason to the tenant of the account', async () => {
  const owner = await signUp(auth)
  await login(owner.email, 'something else entirely')
  expect(await failureOf(owner.email)).toMatchObject({
    tenantid: owner.tenantId,
    data: { resource_id: owner.userId, outcome: 'failure', reason: 'wrong_password', status_code: 401 },
  })
  await deactivate(owner)
  await login(owner.email)
  expect(await failureOf(owner.email)).toMatchObject({ data: { reason: 'deactivated' } })
})

test('a failure for an unknown account belongs to no tenant, and shows the e-mail to nobody without the key', async () => {
  const email = randomEmail()
  await login(email)
  const event = await failureOf(email)
  expect(event).toMatchObject({ tenantid: PLATFORM_TENANT, data: { resource_id: null, reason: 'unknown_account' } })
  expect(JSON.stringify(event)).not.toContain(email)
})

test('one e-mail may have accounts in several tenants, and the tenant that is named decides', async () => {
  const [first, second] = [await signUp(auth), await signUp(auth)]
  await join(first, second.tenantId, PASSWORD)
  const answer = await login(first.email, PASSWORD, second.tenantId)
  expect(answer.body.user).toMatchObject({ tenant_id: second.tenantId, email: first.email, role: 'user' })
  expect((await login(first.email, PASSWORD, first.tenantId)).body.user.tenant_id).toBe(first.tenantId)
  expect((await login(second.email, PASSWORD, first.tenantId)).status).toBe(401)
})

test('without a tenant, the account that the password belongs to is found', async () => {
  const [first, second] = [await signUp(auth), await signUp(auth)]
  await join(first, second.tenantId, 'another password of the same person')
  const answer = await login(first.email, 'another password of the same person')
  expect(answer.body.user.tenant_id).toBe(second.tenantId)
})

test('an account that is stopped does not stand in the way of another with the same password', async () => {
  const [first, second] = [await signUp(auth), await signUp(auth)]
  await join(first, second.tenantId, PASSWORD)
  await auth.admin`update tenants set suspended_at = now() where id = ${first.tenantId}`
  expect((await login(first.email)).body.user.tenant_id).toBe(second.tenantId)
  expect(await login(first.email, PASSWORD, first.tenantId)).toMatchObject({
    status: 403,
    body: { code: 'tenant_suspended' },
  })
})

test('a failure with accounts in several tenants is told to each of them, and counts once', async () => {
  const [first, second] = [await signUp(auth), await signUp(auth)]
  await join(first, second.tenantId, 'another password of the same person')
  await auth.admin`update tenants set suspended_at = now() where id = ${first.tenantId}`
  expect(await login(first.email)).toMatchObject({ status: 403, body: { code: 'tenant_suspended' } })
  const events = (await auth.events('auth.login.failed')).filter(
    (event) => auth.personalOf(event).email === first.email,
  )
  expect(events.map(({ tenantid, data }) => [tenantid, data.reason])).toEqual([
    [first.tenantId, 'tenant_suspended'],
    [second.tenantId, 'wrong_password'],
  ])
  await auth.admin`update tenants set suspended_at = null where id = ${first.tenantId}`
  for (let i = 0; i < 6; i += 1) expect((await login(first.email, 'something else entirely')).status).toBe(401)
  expect((await login(first.email)).status).toBe(429)
})

test('sign-ins at the same time all succeed, also while one of them replaces the hash', async () => {
  const owner = await signUp(auth)
  const old = await createPasswordHasher({ cost: { memoryKib: 32, passes: 1, lanes: 1 } }).hash(PASSWORD)
  await auth.admin`update users set password_hash = ${old} where id = ${owner.userId}`
  const answers = await Promise.all(Array.from({ length: 5 }, () => login(owner.email)))
  expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(200))
})

test('a hash of another cost is replaced at the next sign-in', async () => {
  const owner = await signUp(auth)
  const old = await createPasswordHasher({ cost: { memoryKib: 32, passes: 1, lanes: 1 } }).hash(PASSWORD)
  await auth.admin`update users set password_hash = ${old} where id = ${owner.userId}`
  expect((await login(owner.email)).status).toBe(200)
  const [row] = await auth.admin<
    { password_hash: string }[]
  >`select password_hash from users where id = ${owner.userId}`
  expect(row!.password_hash).toContain('$m=64,t=1,p=1$')
  expect((await login(owner.email)).status).toBe(200)
})

test('a password that is too long to hash is refused like a wrong one', async () => {
  const owner = await signUp(auth)
  expect(await login(owner.email, '€'.repeat(1024))).toMatchObject({
    status: 401,
    body: { code: 'invalid_credentials' },
  })
})

/** Gives the person an account in another tenant, as an invitation would. */
async function join({ email }: Owner, tenantId: string, password: string): Promise<void> {
  const { keys, passwords } = auth.deps
  const id = '0198b1de-0000-7000-8000-' + Math.random().toString(16).slice(2).padEnd(12, '0').slice(0, 12)
  const sealed = keys.personal.seal({ tenantId, recordId: id, field: 'email' }, email)
  await auth.admin`
    insert into users (tenant_id, id, email_index, email_sealed, role, password_hash)
    values (${tenantId}, ${id}, ${keys.emailIndex(email)}, ${sealed}, 'user', ${await passwords.hash(password)})`
}
