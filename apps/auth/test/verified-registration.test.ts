import { expect, test } from 'vitest'
import { requireVerifiedEmail } from '../src/accounts/require-verified-email.ts'
import { runOperator } from '../src/operator/run-operator.ts'
import { processSettings } from './auth-settings.ts'
import { PASSWORD, randomEmail } from './sign-up.ts'
import { useAuth } from './use-auth.ts'
import { mailsAreDone, useMailbox } from './use-mailbox.ts'

const mailbox = useMailbox()
const auth = useAuth({ ...mailbox.settings, REGISTRATION: 'verified' })

const register = (email: string, more: object = {}) =>
  auth.call('POST', '/v1/auth/register', { email, password: PASSWORD, tenant_name: 'Acme', ...more })
const login = (email: string, password = PASSWORD) => auth.call('POST', '/v1/auth/login', { email, password })
const verify = (token: string) => auth.call('POST', '/v1/auth/verify-email', { token })
const usersOf = (email: string) =>
  auth.admin`select role, email_verified_at from users where email_index = ${auth.deps.keys.emailIndex(email)}`

test('a tenant is made once the mail is written, and signing in waits for its token', async () => {
  const email = randomEmail()
  expect(await register(email, { display_name: 'Zoë' })).toMatchObject({ status: 202, body: {} })
  const { tokens } = await mailbox.mailTo(email, 'Confirm')
  expect([...(await usersOf(email))]).toEqual([{ role: 'owner', email_verified_at: null }])
  expect(await login(email)).toMatchObject({ status: 403, body: { code: 'email_not_verified' } })
  expect((await verify(tokens[0]!)).status).toBe(204)
  expect(await login(email)).toMatchObject({ status: 200, body: { user: { display_name: 'Zoë', role: 'owner' } } })
})

test('who receives no mail signs in once the operator vouches for the address', async () => {
  const email = randomEmail()
  await register(email)
  await mailbox.mailTo(email, 'Confirm')
  expect((await login(email)).status).toBe(403)
  const [user] = await auth.admin<{ tenant_id: string }[]>`
    select tenant_id from users where email_index = ${auth.deps.keys.emailIndex(email)}`
  const env = { ...processSettings, ...auth.settings() }
  const args = ['users', 'verify-email', user!.tenant_id, email]
  expect(await runOperator(args, { env, out: () => undefined, err: () => undefined })).toBe(0)
  expect((await login(email)).status).toBe(200)
})

test('that the address is not proven is only said to whoever knows the password', async () => {
  const email = randomEmail()
  await register(email)
  await mailbox.mailTo(email, 'Confirm')
  expect(await login(email, 'something else entirely')).toMatchObject({
    status: 401,
    body: { code: 'invalid_credentials' },
  })
})

test('the registration is told in the new tenant', async () => {
  const email = randomEmail()
  await register(email)
  await mailbox.mailTo(email, 'Confirm')
  const event = (await auth.events('auth.registered')).find((one) => auth.personalOf(one).email === email)!
  expect(event).toMatchObject({
    data: { resource_id: event.tenantid, status_code: 202, details: { session_id: null } },
  })
})

test('for an address with an account nothing is made, and its owner gets another mail', async () => {
  const email = randomEmail()
  await register(email)
  await mailbox.mailTo(email, 'Confirm')
  expect(await register(email.toUpperCase(), { tenant_name: 'Another' })).toMatchObject({ status: 202, body: {} })
  const { text, tokens } = await mailbox.mailTo(email, 'already')
  expect(tokens).toEqual([])
  expect(text).not.toContain('Another')
  expect(await usersOf(email)).toHaveLength(1)
})

test('of simultaneous registrations of one address one makes a tenant', async () => {
  const email = randomEmail()
  const answers = await Promise.all(Array.from({ length: 4 }, () => register(email)))
  expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202])
  await mailsAreDone(auth)
  expect(await usersOf(email)).toHaveLength(1)
  const subjects = (await mailbox.mailsTo(email)).map(({ subject }) => subject.includes('already'))
  expect(subjects.filter((already) => !already)).toHaveLength(1)
})

test('a weak password is refused at once, for every address alike', async () => {
  const known = randomEmail()
  await register(known)
  for (const email of [known, randomEmail()]) {
    expect(await register(email, { password: 'short' })).toMatchObject({ status: 422, body: { code: 'weak_password' } })
  }
})

test('where registration is open, nobody has to prove an address first', () => {
  const account = { email_verified_at: null }
  expect(() => requireVerifiedEmail({ REGISTRATION: 'open' }, account)).not.toThrow()
  expect(() => requireVerifiedEmail({ REGISTRATION: 'verified' }, account)).toThrow('must be verified first')
})
