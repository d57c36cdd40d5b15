import postgres from 'postgres'
import { expect, test } from 'vitest'
import { PASSWORD, randomEmail } from './sign-up.ts'
import { useAuth } from './use-auth.ts'
import { mailsAreDone, useMailbox } from './use-mailbox.ts'

const mailbox = useMailbox()
const auth = useAuth({ ...mailbox.settings, REGISTRATION: 'verified' })

const register = (email: string) => ({ email, password: PASSWORD, tenant_name: 'Acme' })
const requests = [
  ['forgot-password', (email: string) => ({ email })],
  ['verify-email/resend', (email: string) => ({ email })],
  ['register', register],
] as const

const ask = (path: string, body: object) => auth.call('POST', `/v1/auth/${path}`, body)

/** An address with an account. */
async function knownEmail(): Promise<string> {
  const email = randomEmail()
  await ask('register', register(email))
  await mailbox.mailTo(email, 'Confirm')
  return email
}

test.each(requests)('%s answers the same for every address', async (path, bodyOf) => {
  const [known, unknown] = [await knownEmail(), randomEmail()]
  const answers = []
  for (const email of [known, unknown]) {
    const { status, headers, body } = await ask(path, bodyOf(email))
    answers.push({ status, body, headers: { ...headers, date: null, 'x-request-id': null } })
  }
  expect(answers[0]).toMatchObject({ status: 202, body: {} })
  expect(answers[1]).toEqual(answers[0])
})

test.each(requests)('%s answers the same however often it is asked', async (path, bodyOf) => {
  const email = randomEmail()
  const statuses = []
  for (let count = 0; count < 12; count += 1) statuses.push((await ask(path, bodyOf(email))).status)
  expect(new Set(statuses)).toEqual(new Set([202]))
  await mailsAreDone(auth)
  expect((await mailbox.mailsTo(email)).length).toBeLessThanOrEqual(5)
})

test.each(requests)('%s looks at no account: it is answered while nobody can read them', async (path, bodyOf) => {
  const [known, unknown] = [await knownEmail(), randomEmail()]
  await mailsAreDone(auth)
  const blocker = postgres(auth.database.adminUrl, { max: 1 })
  try {
    await blocker.begin(async (tx) => {
      await tx`lock table users, tenants, sessions, one_time_tokens, outbox in access exclusive mode`
      for (const email of [known, unknown]) expect(await ask(path, bodyOf(email))).toMatchObject({ status: 202 })
    })
  } finally {
    await blocker.end()
  }
  await mailsAreDone(auth)
})

test.each(requests)('%s leaves the same in the database for every address', async (path, bodyOf) => {
  // Of one length.
  const [known, unknown] = [await knownEmail(), randomEmail()]
  await mailsAreDone(auth)
  const sizes: unknown[][] = []
  for (const email of [known, unknown]) {
    const blocker = postgres(auth.database.adminUrl, { max: 1 })
    await blocker.begin(async (tx) => {
      await tx`lock table users in access exclusive mode`
      await ask(path, bodyOf(email))
      sizes.push([...(await tx`select octet_length(request_sealed) as bytes from mail_queue`)])
    })
    await blocker.end()
    await mailsAreDone(auth)
  }
  expect(sizes[0]).toHaveLength(1)
  expect(sizes[1]).toEqual(sizes[0])
})

test('what is no address, is too long or comes with more is refused before anything is done', async () => {
  const bodies = [{}, { email: 'no address' }, { email: `${'a'.repeat(250)}@example.com` }, { email: ['a@b.example'] }]
  for (const path of ['forgot-password', 'verify-email/resend']) {
    for (const body of [
      ...bodies,
      { email: 'a@b.example', to: 'c@d.example' },
      { email: 'a@b.example\r\nBcc: c@d.example' },
    ]) {
      expect(await ask(path, body)).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
    }
  }
  expect(await auth.admin`select 1 from mail_queue`).toHaveLength(0)
})
