import { createToken } from '@memoric/crypto/opaque-token.ts'
import { callerHeaders } from '@memoric/testkit/sign-caller.ts'
import { expect, test } from 'vitest'
import { gatewayKey } from './auth-settings.ts'
import { addAccount } from './add-account.ts'
import { beginSession } from './begin-session.ts'
import { useRevokedIds } from './revocation-signals.ts'
import { PASSWORD, randomEmail, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'
import { mailsAreDone, useMailbox } from './use-mailbox.ts'

const mailbox = useMailbox()
const auth = useAuth({ ...mailbox.settings, PUBLIC_URL: 'https://memoric.example/' })
const revoked = useRevokedIds(auth)

const NEW = 'a staple, a horse and a battery'
const SUBJECT = 'Set a new password'

const forgot = (email: string) => auth.call('POST', '/v1/auth/forgot-password', { email })
const reset = (token: string, new_password = NEW) =>
  auth.call('POST', '/v1/auth/reset-password', { token, new_password })
const login = (email: string, password: string) => auth.call('POST', '/v1/auth/login', { email, password })
const invalidToken = { status: 401, body: { code: 'invalid_token' } }

/** A token for the one account of an address. */
async function tokenFor(email: string): Promise<string> {
  const before = (await mailbox.mailsTo(email)).filter(({ subject }) => subject.includes(SUBJECT)).length
  await forgot(email)
  await expect
    .poll(async () => (await mailbox.mailsTo(email)).filter(({ subject }) => subject.includes(SUBJECT)).length)
    .toBe(before + 1)
  return (await mailbox.mailTo(email, SUBJECT)).tokens[0]!
}

test('the token of the mail sets a new password, and proves the address', async () => {
  const owner = await signUp(auth)
  expect((await reset(await tokenFor(owner.email))).status).toBe(204)
  const answer = await login(owner.email, NEW)
  expect(answer).toMatchObject({ status: 200, body: { user: { id: owner.userId, email_verified: true } } })
  expect(await login(owner.email, PASSWORD)).toMatchObject({ status: 401 })
})

test('the mail names the tenant, and only addresses of the installation', async () => {
  const owner = await signUp(auth)
  const headers = {
    ...callerHeaders(gatewayKey, 'auth', {}),
    'content-type': 'application/json',
    host: 'evil.example',
    'x-forwarded-host': 'evil.example',
    forwarded: 'host=evil.example',
  }
  const payload = JSON.stringify({ email: owner.email })
  const { statusCode } = await auth.app.inject({ method: 'POST', url: '/v1/auth/forgot-password', headers, payload })
  expect(statusCode).toBe(202)
  const { text } = await mailbox.mailTo(owner.email, SUBJECT)
  expect(text).toContain(`Tenant: "Acme" (${owner.tenantId})`)
  expect(text.match(/https?:\/\/[^ ]+/g)).toEqual(['https://memoric.example/v1/auth/reset-password'])
})

test('asking and setting are told in the tenant of the account', async () => {
  const owner = await signUp(auth)
  await reset(await tokenFor(owner.email))
  const about = { tenantid: owner.tenantId, data: { resource_id: owner.userId } }
  const asked = (await auth.events('auth.password.reset_requested')).filter(
    ({ tenantid }) => tenantid === owner.tenantId,
  )
  expect(asked).toMatchObject([
    { ...about, actor: 'anonymous:anonymous', data: { endpoint: '/v1/auth/forgot-password' } },
  ])
  expect(auth.personalOf(asked[0]!)).toMatchObject({ email: owner.email, ip_address: '192.0.2.1' })
  const done = (await auth.events('auth.password.reset')).filter(({ tenantid }) => tenantid === owner.tenantId)
  expect(done).toMatchObject([{ ...about, actor: `user:${owner.userId}` }])
  expect(JSON.stringify([asked, done])).not.toContain('mp_')
})

test('every session ends, API keys stay, and the user is told by mail', async () => {
  const owner = await signUp(auth)
  const key = { name: 'Stays', scopes: ['memories:read'] }
  const { id } = (await auth.call('POST', '/v1/api-keys', key, owner.caller)).body
  await reset(await tokenFor(owner.email))
  expect(await auth.call('POST', '/v1/auth/refresh', { refresh_token: owner.refreshToken })).toMatchObject({
    status: 401,
  })
  const [session] = await auth.admin`select revoked_reason from sessions where id = ${owner.caller.sessionId!}`
  expect(session).toEqual({ revoked_reason: 'password_reset' })
  await expect.poll(() => revoked).toContain(owner.caller.sessionId)
  const [apiKey] = await auth.admin`select revoked_at from api_keys where id = ${id}`
  expect(apiKey).toEqual({ revoked_at: null })
  expect((await mailbox.mailTo(owner.email, 'password was set')).text).toContain(owner.tenantId)
})

test('the mail goes to the address of the account, not to another spelling of it', async () => {
  const [first, second] = [await signUp(auth, `a${randomEmail()}`), await signUp(auth)]
  const other = first.email.replace(/^a/, 'A')
  await addAccount(auth, other, second.tenantId, PASSWORD)
  const shouted = first.email.toUpperCase()
  await forgot(shouted)
  for (const [address, owner] of [
    [first.email, first],
    [other, second],
  ] as const) {
    const { text, tokens } = await mailbox.mailTo(address, SUBJECT)
    expect(tokens).toHaveLength(1)
    expect(text).toContain(owner.tenantId)
  }
  expect(await mailbox.mailsTo(shouted)).toEqual([])
})

test('a token works once', async () => {
  const { email } = await signUp(auth)
  const token = await tokenFor(email)
  expect((await reset(token)).status).toBe(204)
  expect(await reset(token, 'yet another long password')).toMatchObject(invalidToken)
  expect((await login(email, NEW)).status).toBe(200)
})

test('of twenty that use a token at once exactly one wins', async () => {
  const { email } = await signUp(auth)
  const token = await tokenFor(email)
  const passwords = Array.from({ length: 20 }, (_, index) => `password of attempt ${index} here`)
  const answers = await Promise.all(passwords.map((password) => reset(token, password)))
  const winners = passwords.filter((_, index) => answers[index]!.status === 204)
  expect(winners).toHaveLength(1)
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(19)
  expect((await login(email, winners[0]!)).status).toBe(200)
})

test('a password that is too weak does not use the token up', async () => {
  const { email } = await signUp(auth)
  const token = await tokenFor(email)
  expect(await reset(token, 'short')).toMatchObject({
    status: 422,
    body: { code: 'weak_password', errors: [{ pointer: '/new_password' }] },
  })
  expect((await reset(token)).status).toBe(204)
})

test('a token ends after thirty minutes', async () => {
  const owner = await signUp(auth)
  const token = await tokenFor(owner.email)
  const [row] = await auth.admin`
    select round(extract(epoch from expires_at - created_at) / 60)::int as minutes from one_time_tokens
    where user_id = ${owner.userId} and purpose = 'password_reset'`
  expect(row).toEqual({ minutes: 30 })
  await auth.admin`update one_time_tokens set expires_at = now() where user_id = ${owner.userId}`
  expect(await reset(token)).toMatchObject(invalidToken)
})

test('a token ends with any other change of the password', async () => {
  const owner = await signUp(auth)
  const [first, second] = [await tokenFor(owner.email), await tokenFor(owner.email)]
  await reset(second)
  expect(await reset(first)).toMatchObject(invalidToken)
  const third = await tokenFor(owner.email)
  const { caller } = await beginSession(auth, owner)
  const body = { current_password: NEW, new_password: PASSWORD }
  expect((await auth.call('POST', '/v1/auth/change-password', body, caller)).status).toBe(204)
  expect(await reset(third)).toMatchObject(invalidToken)
})

test('a token for another purpose, of another form or of nobody is refused', async () => {
  const { email } = await signUp(auth)
  const verification = (await mailbox.mailTo(email, 'Confirm')).tokens[0]!
  const swapped = `mp${verification.slice(2)}`
  for (const token of [verification, swapped, createToken('mp'), 'mp_unknown', `${await tokenFor(email)}x`]) {
    expect(await reset(token)).toMatchObject(invalidToken)
  }
  expect((await login(email, PASSWORD)).status).toBe(200)
})

test('a user has a few tokens at a time: one more ends the oldest', async () => {
  const { email } = await signUp(auth)
  const tokens = []
  for (let count = 0; count < 4; count += 1) tokens.push(await tokenFor(email))
  expect(await reset(tokens[0]!)).toMatchObject(invalidToken)
  expect((await reset(tokens[1]!)).status).toBe(204)
})

test('tokens are hashed at rest', async () => {
  const owner = await signUp(auth)
  const token = await tokenFor(owner.email)
  const rows = await auth.admin`select hash, purpose from one_time_tokens where user_id = ${owner.userId}`
  expect(JSON.stringify(rows)).not.toContain(token.slice(3))
  expect(rows.map(({ hash }: { hash?: Buffer }) => hash!.length)).toEqual(rows.map(() => 32))
})

test('one mail has a token for each tenant of the person, and each is good for its tenant only', async () => {
  const [first, second] = [await signUp(auth), await signUp(auth)]
  const memberId = await addAccount(auth, first.email, second.tenantId, PASSWORD)
  await forgot(first.email)
  const { text, tokens } = await mailbox.mailTo(first.email, SUBJECT)
  expect(tokens).toHaveLength(2)
  const tokenOf = (tenantId: string) => text.split(`(${tenantId})\nToken: `)[1]!.split('\n')[0]!
  await reset(tokenOf(second.tenantId))
  const hashes = await auth.admin`select id from users where password_hash = (
    select password_hash from users where id = ${first.userId})`
  expect([...hashes]).toEqual([{ id: first.userId }])
  expect((await login(first.email, NEW)).body.user).toMatchObject({ id: memberId, tenant_id: second.tenantId })
})

test('no mail goes to a deactivated user or into a suspended tenant, and no token of theirs works', async () => {
  const [gone, stopped] = [await signUp(auth), await signUp(auth)]
  const tokens = [await tokenFor(gone.email), await tokenFor(stopped.email)]
  await auth.admin`update users set deactivated_at = now() where id = ${gone.userId}`
  await auth.admin`update tenants set suspended_at = now() where id = ${stopped.tenantId}`
  for (const token of tokens) expect(await reset(token)).toMatchObject(invalidToken)
  for (const { email } of [gone, stopped]) await forgot(email)
  await mailsAreDone(auth)
  for (const { email } of [gone, stopped]) {
    const mails = await mailbox.mailsTo(email)
    expect(mails.filter(({ subject }) => subject.includes(SUBJECT))).toHaveLength(1)
  }
})

test('with a second factor eight characters are enough, and the factor stays', async () => {
  const owner = await signUp(auth)
  await auth.admin`
    update users set totp_sealed = '\\x00', totp_confirmed_at = now() where id = ${owner.userId}`
  expect(await reset(await tokenFor(owner.email), 'k8!qzv')).toMatchObject({ status: 422 })
  expect((await reset(await tokenFor(owner.email), 'k8!qzv#w')).status).toBe(204)
  const [row] = await auth.admin`select totp_confirmed_at from users where id = ${owner.userId}`
  expect(row!['totp_confirmed_at']).not.toBeNull()
})

test('a member who never had a password sets the first one', async () => {
  const owner = await signUp(auth)
  const email = randomEmail()
  await addAccount(auth, email, owner.tenantId, null)
  expect((await reset(await tokenFor(email))).status).toBe(204)
  expect((await login(email, NEW)).status).toBe(200)
})

test('so does a member whom an administrator added without one, within seven days', async () => {
  const owner = await signUp(auth)
  const email = randomEmail()
  const { id } = (await auth.call('POST', '/v1/users', { email, role: 'user' }, owner.caller)).body
  const { text, tokens } = await mailbox.mailTo(email, 'You have an account')
  expect(text).toContain(owner.tenantId)
  const [row] = await auth.admin`
    select round(extract(epoch from expires_at - created_at) / 86400)::int as days from one_time_tokens
    where user_id = ${String(id)}`
  expect(row).toEqual({ days: 7 })
  expect((await reset(tokens[0]!)).status).toBe(204)
  expect((await login(email, NEW)).body.user).toMatchObject({ id, email_verified: true })
})

test('failed sign-ins before are forgotten', async () => {
  const { email } = await signUp(auth)
  for (let count = 0; count < 8; count += 1) await login(email, 'something else entirely')
  expect(await login(email, PASSWORD)).toMatchObject({ status: 429 })
  await reset(await tokenFor(email))
  expect((await login(email, NEW)).status).toBe(200)
})

test('an unknown address gets no mail, and no event', async () => {
  const email = randomEmail()
  const count = async () => (await auth.events('auth.password.reset_requested')).length
  const before = await count()
  expect(await forgot(email)).toMatchObject({ status: 202, body: {} })
  await mailsAreDone(auth)
  expect(await mailbox.mailsTo(email)).toEqual([])
  expect(await count()).toBe(before)
})
