import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import { signUp } from './sign-up.ts'
import { enableTotp, loginWith } from './totp-user.ts'
import { useAuth } from './use-auth.ts'
import { mailsAreDone, useMailbox } from './use-mailbox.ts'

const mailbox = useMailbox()
const auth = useAuth(mailbox.settings)

test('a user is told by mail when the second factor comes, is replaced by a recovery code, or goes', async () => {
  const owner = await enableTotp(auth, await signUp(auth))
  await mailbox.mailTo(owner.email, 'An authenticator app was set up')
  const [code = ''] = owner.recoveryCodes
  const { body } = await loginWith(auth, owner, code)
  const used = await mailbox.mailTo(owner.email, 'A recovery code was used')
  expect(used.text).toContain('You have 9 left.')
  const caller = { ...owner.caller, sessionId: String(decodeJwt(body.access_token)['sid']) }
  await auth.call('DELETE', '/v1/auth/totp', undefined, caller)
  await mailbox.mailTo(owner.email, 'taken out of use')
  const mails = await mailbox.mailsTo(owner.email)
  for (const { text } of mails) for (const secret of [owner.secret, code]) expect(text).not.toContain(secret)
})

test('a refused sign-in mails nothing', async () => {
  const owner = await enableTotp(auth, await signUp(auth))
  await mailsAreDone(auth)
  const before = (await mailbox.mailsTo(owner.email)).length
  await loginWith(auth, owner, 'AAAA-BBBB-CCCC-DDDD-EEEE-FFFF')
  await loginWith(auth, owner)
  await mailsAreDone(auth)
  expect(await mailbox.mailsTo(owner.email)).toHaveLength(before)
})
