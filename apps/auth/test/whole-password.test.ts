import { expect, test } from 'vitest'
import { randomEmail } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()

const login = (email: string, password: string) => auth.call('POST', '/v1/auth/login', { email, password })

async function register(password: string): Promise<string> {
  const email = randomEmail()
  const answer = await auth.call('POST', '/v1/auth/register', { email, password, tenant_name: 'Acme' })
  expect(answer.status).toBe(201)
  return email
}

test('every character of a password counts, also the last of 128', async () => {
  const password = 'Quiet harbours keep seven lanterns; '.repeat(4).slice(0, 127) + 'z'
  const email = await register(password)
  for (const other of [password.slice(0, -1), `${password.slice(0, -1)}y`, `${password}z`, password.slice(0, 72)]) {
    expect((await login(email, other)).status).toBe(401)
  }
  expect((await login(email, password)).status).toBe(200)
})

test('spaces around a password and its capitals belong to it', async () => {
  const password = ' Quiet harbours keep lanterns '
  const email = await register(password)
  for (const other of [password.trim(), password.trimStart(), password.trimEnd(), password.toLowerCase()]) {
    expect((await login(email, other)).status).toBe(401)
  }
  expect((await login(email, password)).status).toBe(200)
})

test('a password of ten years ago is as good as a new one, and nobody is asked to change it', async () => {
  const password = 'Quiet harbours keep lanterns'
  const email = await register(password)
  await auth.admin`
    update users set created_at = created_at - interval '10 years', last_sign_in_at = now() - interval '9 years'`
  expect(await login(email, password)).toMatchObject({ status: 200, body: { required_actions: [] } })
})
