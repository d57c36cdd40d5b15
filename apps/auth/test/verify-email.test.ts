import { expect, test } from 'vitest'
import { addAccount } from './add-account.ts'
import { eventsOf } from './add-member.ts'
import { type Owner, PASSWORD, randomEmail, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'
import { mailsAreDone, useMailbox } from './use-mailbox.ts'

const mailbox = useMailbox()
const auth = useAuth(mailbox.settings)

const verify = (token: string) => auth.call('POST', '/v1/auth/verify-email', { token })
const resend = (email: string) => auth.call('POST', '/v1/auth/verify-email/resend', { email })
const isVerified = async ({ caller }: Owner) =>
  (await auth.call('GET', '/v1/auth/me', undefined, caller)).body.user.email_verified
const tokenOf = async (email: string) => (await mailbox.mailTo(email, 'Confirm')).tokens[0]!
const invalidToken = { status: 401, body: { code: 'invalid_token' } }

test('whoever registers gets a mail, whose token proves the address', async () => {
  const owner = await signUp(auth)
  expect(await isVerified(owner)).toBe(false)
  expect(await verify(await tokenOf(owner.email))).toMatchObject({ status: 204, body: null })
  expect(await isVerified(owner)).toBe(true)
  expect(await eventsOf(auth, owner, 'auth.email.verified')).toMatchObject([
    { actor: `user:${owner.userId}`, data: { resource_id: owner.userId } },
  ])
})

test('the token works for twenty-four hours, and once', async () => {
  const owner = await signUp(auth)
  const token = await tokenOf(owner.email)
  const [row] = await auth.admin`
    select round(extract(epoch from expires_at - created_at) / 3600)::int as hours from one_time_tokens
    where user_id = ${owner.userId}`
  expect(row).toEqual({ hours: 24 })
  const answers = await Promise.all(Array.from({ length: 20 }, () => verify(token)))
  expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array<number>(19).fill(401)])
  expect(await eventsOf(auth, owner, 'auth.email.verified')).toHaveLength(1)
})

test('a token that has expired is refused', async () => {
  const owner = await signUp(auth)
  const token = await tokenOf(owner.email)
  await auth.admin`update one_time_tokens set expires_at = now() where user_id = ${owner.userId}`
  expect(await verify(token)).toMatchObject(invalidToken)
  expect(await isVerified(owner)).toBe(false)
})

test('another mail can be asked for, and is told', async () => {
  const owner = await signUp(auth)
  const first = await tokenOf(owner.email)
  await resend(owner.email)
  await expect.poll(() => tokenOf(owner.email)).not.toBe(first)
  expect(await eventsOf(auth, owner, 'auth.email.verification_requested')).toMatchObject([
    { data: { resource_id: owner.userId, endpoint: '/v1/auth/verify-email/resend' } },
  ])
  expect((await verify(await tokenOf(owner.email))).status).toBe(204)
  expect(await verify(first)).toMatchObject(invalidToken)
})

test('no mail goes to an address that is unknown or proven', async () => {
  const [owner, unknown] = [await signUp(auth), randomEmail()]
  await verify(await tokenOf(owner.email))
  for (const email of [owner.email, unknown]) expect(await resend(email)).toMatchObject({ status: 202, body: {} })
  await mailsAreDone(auth)
  expect(await mailbox.mailsTo(owner.email)).toHaveLength(1)
  expect(await mailbox.mailsTo(unknown)).toEqual([])
})

test('a token proves the address in its own tenant only', async () => {
  const [first, second] = [await signUp(auth), await signUp(auth)]
  const memberId = await addAccount(auth, first.email, second.tenantId, PASSWORD)
  await verify(await tokenOf(first.email))
  const rows =
    await auth.admin`select id from users where email_verified_at is not null and id in ${auth.admin([memberId, first.userId])}`
  expect([...rows]).toEqual([{ id: first.userId }])
})

test('the token of a new password does not prove an address by itself', async () => {
  const { email } = await signUp(auth)
  await auth.call('POST', '/v1/auth/forgot-password', { email })
  const token = (await mailbox.mailTo(email, 'Set a new password')).tokens[0]!
  expect(await verify(token)).toMatchObject(invalidToken)
  expect(await verify(`mv${token.slice(2)}`)).toMatchObject(invalidToken)
})

test('nothing is proven for a user who was deactivated meanwhile', async () => {
  const owner = await signUp(auth)
  const token = await tokenOf(owner.email)
  await auth.admin`update users set deactivated_at = now() where id = ${owner.userId}`
  expect(await verify(token)).toMatchObject(invalidToken)
})
