import { expect, test } from 'vitest'
import { addKey, eventsOf } from './add-member.ts'
import { beginSession, chooseSettings } from './begin-session.ts'
import { useRevokedIds } from './revocation-signals.ts'
import { type Owner, PASSWORD, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'
import { useMailbox } from './use-mailbox.ts'

const mailbox = useMailbox()
const auth = useAuth(mailbox.settings)
const revoked = useRevokedIds(auth)

const NEW = 'a staple, a horse and a battery'

const change = (caller: Owner['caller'], new_password = NEW, current_password = PASSWORD) =>
  auth.call('POST', '/v1/auth/change-password', { current_password, new_password }, caller)
const login = ({ email }: Owner, password: string) => auth.call('POST', '/v1/auth/login', { email, password })
const reasonOf = async (sessionId: string) =>
  (await auth.admin`select revoked_reason from sessions where id = ${sessionId}`)[0]?.['revoked_reason'] as unknown

test('the new password works from then on, the old one does not', async () => {
  const owner = await signUp(auth)
  expect(await change(owner.caller)).toMatchObject({ status: 204, body: null })
  expect((await login(owner, NEW)).status).toBe(200)
  expect((await login(owner, PASSWORD)).status).toBe(401)
})

test('every other session ends, is told and announced; the one that asks stays', async () => {
  const owner = await signUp(auth)
  const other = await beginSession(auth, owner)
  await change(owner.caller)
  expect(await reasonOf(other.sessionId)).toBe('password_changed')
  expect(await reasonOf(owner.caller.sessionId!)).toBeNull()
  expect(await eventsOf(auth, owner, 'auth.session.revoked')).toMatchObject([
    { actor: `user:${owner.userId}`, data: { resource_id: other.sessionId, reason: 'password_changed' } },
  ])
  await expect.poll(() => revoked).toContain(other.sessionId)
  expect(revoked).not.toContain(owner.caller.sessionId)
  const refreshed = await auth.call('POST', '/v1/auth/refresh', { refresh_token: owner.refreshToken })
  expect(refreshed.status).toBe(200)
})

test('it is told in an event, and to the user by mail', async () => {
  const owner = await signUp(auth)
  await change(owner.caller)
  expect(await eventsOf(auth, owner, 'auth.password.changed')).toMatchObject([
    { actor: `user:${owner.userId}`, data: { resource_id: owner.userId, outcome: 'success', status_code: 204 } },
  ])
  expect((await mailbox.mailTo(owner.email, 'Your password was changed.')).tokens).toEqual([])
})

test('a wrong current password is refused, told, and changes nothing', async () => {
  const owner = await signUp(auth)
  expect(await change(owner.caller, NEW, 'something else entirely')).toMatchObject({
    status: 401,
    body: { code: 'invalid_credentials', errors: [{ pointer: '/current_password' }] },
  })
  expect(await eventsOf(auth, owner, 'auth.password.changed')).toMatchObject([
    { data: { outcome: 'failure', reason: 'wrong_password', status_code: 401 } },
  ])
  expect((await login(owner, PASSWORD)).status).toBe(200)
})

test('who guesses at the current password is made to wait, with the right one too', async () => {
  const owner = await signUp(auth)
  const answers = []
  for (let count = 0; count < 8; count += 1)
    answers.push(await change(owner.caller, NEW, `guess number ${count} of a thief`))
  expect(answers.at(-1)).toMatchObject({ status: 429, body: { code: 'sign_in_throttled' } })
  expect(answers.at(-1)!.headers['retry-after']).toBeDefined()
  expect((await change(owner.caller)).status).toBe(429)
  const told = (await eventsOf(auth, owner, 'auth.password.changed')).map(({ data }) => data.reason)
  expect(told).toContain('throttled')
})

test('changes that succeed do not count as failures', async () => {
  const owner = await signUp(auth)
  let current = PASSWORD
  for (let count = 0; count < 10; count += 1) {
    const next = `the password of round ${count}`
    expect((await change(owner.caller, next, current)).status).toBe(204)
    current = next
  }
})

test.each([
  ['short', 'short', 'needs 15 at least'],
  ['the current one', PASSWORD, 'current'],
  ['common', 'passwordpassword', 'tried first'],
])('a new password that is %s is refused with the reason', async (_name, password, reason) => {
  const owner = await signUp(auth)
  expect(await change(owner.caller, password)).toMatchObject({
    status: 422,
    body: { code: 'weak_password', detail: expect.stringContaining(reason), errors: [{ pointer: '/new_password' }] },
  })
  expect((await login(owner, PASSWORD)).status).toBe(200)
})

test('the tenant can ask for longer passwords', async () => {
  const owner = await signUp(auth)
  await chooseSettings(auth, owner, { password_min_length: 40 })
  expect(await change(owner.caller)).toMatchObject({ status: 422, body: { detail: expect.stringContaining('40') } })
})

test('an API key and a request without a session cannot', async () => {
  const owner = await signUp(auth)
  const key = await addKey(auth, owner)
  for (const caller of [key.caller, { ...owner.caller, sessionId: null }]) {
    expect(await change(caller)).toMatchObject({ status: 403, body: { code: 'session_required' } })
  }
})

test('a session that has just ended cannot, whatever a gateway still thinks', async () => {
  const owner = await signUp(auth)
  await auth.call('POST', '/v1/auth/logout', { refresh_token: owner.refreshToken })
  expect(await change(owner.caller)).toMatchObject({ status: 401, body: { code: 'invalid_token' } })
  expect((await login(owner, PASSWORD)).status).toBe(200)
})

test("another user's session, and another tenant's, are of no use", async () => {
  const [owner, other] = [await signUp(auth), await signUp(auth)]
  expect((await change({ ...owner.caller, sessionId: other.caller.sessionId! })).status).toBe(401)
  expect((await change({ ...owner.caller, tenantId: other.caller.tenantId! })).status).toBe(401)
  for (const one of [owner, other]) expect((await login(one, PASSWORD)).status).toBe(200)
})

test('a user without a password is told so', async () => {
  const owner = await signUp(auth)
  await auth.admin`update users set password_hash = null where id = ${owner.userId}`
  expect(await change(owner.caller)).toMatchObject({ status: 403, body: { code: 'no_password' } })
})

test('of changes at the same time one wins, and the others change nothing', async () => {
  const owner = await signUp(auth)
  const callers = [owner.caller]
  for (let count = 0; count < 3; count += 1) callers.push((await beginSession(auth, owner)).caller)
  const passwords = callers.map((_, index) => `the password of session ${index}`)
  const answers = await Promise.all(callers.map((caller, index) => change(caller, passwords[index])))
  const winners = passwords.filter((_, index) => answers[index]!.status === 204)
  expect(winners).toHaveLength(1)
  expect((await login(owner, winners[0]!)).status).toBe(200)
  const live = await auth.admin`select 1 from sessions where user_id = ${owner.userId} and revoked_at is null`
  expect(live).toHaveLength(2) // The winner's, and the sign-in just above.
})

test('a failure in the middle changes nothing', async () => {
  const owner = await signUp(auth)
  const other = await beginSession(auth, owner)
  await auth.admin`alter table mail_counts rename to mail_counts_away`
  try {
    expect((await change(owner.caller)).status).toBe(500)
  } finally {
    await auth.admin`alter table mail_counts_away rename to mail_counts`
  }
  expect((await login(owner, PASSWORD)).status).toBe(200)
  expect(await reasonOf(other.sessionId)).toBeNull()
  expect(await eventsOf(auth, owner, 'auth.password.changed')).toEqual([])
})
