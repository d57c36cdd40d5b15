import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import { type Owner, PASSWORD, signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()

const sessionOf = (accessToken: string) => String(decodeJwt(accessToken)['sid'])

async function login({ email }: Owner, caller: Owner['caller'] = {}) {
  const answer = await auth.call('POST', '/v1/auth/login', { email, password: PASSWORD }, caller)
  expect(answer.status).toBe(200)
  return answer.body
}

test('every sign-in begins a session with tokens of its own, also for whoever has one already', async () => {
  const owner = await signUp(auth)
  const answers = [await login(owner), await login(owner), await login(owner, owner.caller)]
  const sessions = [owner.accessToken, ...answers.map(({ access_token }) => access_token)].map(sessionOf)
  const tokens = [owner.refreshToken, ...answers.map(({ refresh_token }) => refresh_token)]
  expect(new Set(sessions).size).toBe(4)
  expect(new Set(tokens).size).toBe(4)
})

test('nobody chooses the id or the token of a session', async () => {
  const owner = await signUp(auth)
  const credentials = { email: owner.email, password: PASSWORD }
  for (const more of [{ session_id: owner.caller.sessionId }, { refresh_token: owner.refreshToken }, { sid: 'x' }]) {
    const answer = await auth.call('POST', '/v1/auth/login', { ...credentials, ...more })
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
  }
})
