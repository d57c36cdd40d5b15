import { expect, test } from 'vitest'
import { PASSWORD, randomEmail } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth({ PASSWORD_CONCURRENCY: '1' })

/** One that is hashed, and as many as may wait. */
const PLACES = 49

test('when too many passwords wait to be hashed, the next is asked to come again', async () => {
  const pressure = { isOn: true }
  const hashAgainAndAgain = async () => {
    while (pressure.isOn) await auth.deps.passwords.hash(PASSWORD)
  }
  const waiting = Array.from({ length: PLACES }, hashAgainAndAgain)
  const body = { email: randomEmail(), password: PASSWORD }
  const overloaded = { status: 503, body: { code: 'overloaded' }, headers: { 'retry-after': '1' } }
  const registration = { ...body, tenant_name: 'Acme' }
  expect(await auth.call('POST', '/v1/auth/register', registration)).toMatchObject(overloaded)
  expect(await auth.call('POST', '/v1/auth/login', body)).toMatchObject(overloaded)
  pressure.isOn = false
  await Promise.all(waiting)
  expect((await auth.call('POST', '/v1/auth/register', registration)).status).toBe(201)
})
