import { expect, test } from 'vitest'
import { PASSWORD, randomEmail, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()

const register = (body: object) =>
  auth.call('POST', '/v1/auth/register', { password: PASSWORD, tenant_name: 'Acme', ...body })

test('makes a tenant, its owner and a session', async () => {
  const email = randomEmail()
  const answer = await register({ email, display_name: 'Zoë' })
  expect(answer.status).toBe(201)
  expect(answer.body).toMatchObject({
    user: { email, display_name: 'Zoë', role: 'owner' },
    tenant: { name: 'Acme' },
    token_type: 'Bearer',
    expires_in: 900,
  })
  expect(answer.body.user.tenant_id).toBe(answer.body.tenant.id)
  expect(answer.body.refresh_token).toMatch(/^mr_/)
})

test('tells of it in an event of the new tenant, with the e-mail sealed', async () => {
  const owner = await signUp(auth)
  const event = (await auth.events('auth.registered')).find(({ tenantid }) => tenantid === owner.tenantId)!
  expect(event).toMatchObject({
    actor: `user:${owner.userId}`,
    data: { resource_id: owner.tenantId, status_code: 201 },
  })
  expect(JSON.stringify(event)).not.toContain(owner.email)
  expect(auth.personalOf(event).email).toBe(owner.email)
})

test('an e-mail has one account, whatever the case of its letters', async () => {
  const { email } = await signUp(auth)
  const answer = await register({ email: email.toUpperCase() })
  expect(answer).toMatchObject({ status: 409, body: { code: 'email_taken' } })
})

test('of simultaneous registrations of one e-mail exactly one succeeds', async () => {
  const email = randomEmail()
  const answers = await Promise.all(Array.from({ length: 8 }, () => register({ email })))
  expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(7).fill(409)])
  const rows = await auth.admin`select 1 from users where email_index = ${auth.deps.keys.emailIndex(email)}`
  expect(rows).toHaveLength(1)
})

test('a registration that fails leaves nothing behind', async () => {
  const { email } = await signUp(auth)
  const count = () => auth.admin`select (select count(*) from tenants), (select count(*) from outbox) as events`
  const before = await count()
  await register({ email })
  expect(await count()).toEqual(before)
})

test.each([
  ['fourteen characters', 'rather shorter', 422],
  ['fifteen characters', 'long enough now', 201],
  ['a common kind', 'passwordpassword', 422],
  ['little more than the e-mail', 'zoe.of.register@example.com', 422],
  ['little more than the name of the tenant', 'Registrations Ltd 1', 422],
])('a password of %s', async (_name, password, status) => {
  const answer = await register({ email: 'zoe.of.register@example.com', tenant_name: 'Registrations Ltd', password })
  expect(answer.status).toBe(status)
  if (status === 422) {
    const errors = [{ pointer: '/password', message: answer.body.detail }]
    expect(answer.body).toMatchObject({ code: 'weak_password', detail: expect.any(String), errors })
  }
})

test('fields that are not in the contract are refused', async () => {
  const answer = await register({ email: randomEmail(), role: 'admin', tenant_id: 'x', id: 'y' })
  expect(answer).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
})

test('a request without a service key and a signed identity is refused', async () => {
  const answer = await auth.app.inject({ method: 'POST', url: '/v1/auth/register', payload: {} })
  expect(answer.statusCode).toBe(401)
  expect(answer.json()).toMatchObject({ code: 'invalid_service_identity' })
})
