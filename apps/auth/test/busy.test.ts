import { expect, test } from 'vitest'
import { PASSWORD, randomEmail } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth({ PASSWORD_MEMORY_KIB: '16384', PASSWORD_CONCURRENCY: '1' })

test('when too many passwords wait to be hashed, the next is asked to come again', async () => {
  const waiting = Array.from({ length: 65 }, () => auth.deps.passwords.hash(PASSWORD))
  const body = { email: randomEmail(), password: PASSWORD, tenant_name: 'Acme' }
  const answer = await auth.call('POST', '/v1/auth/register', body)
  expect(answer).toMatchObject({ status: 503, body: { code: 'overloaded' }, headers: { 'retry-after': '1' } })
  await Promise.all(waiting)
})
