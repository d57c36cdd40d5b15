import { expect, test } from 'vitest'
import { useAuth } from './use-auth.ts'

const auth = useAuth()

test('a new installation has no tenant, user, key or invitation', async () => {
  for (const table of ['tenants', 'users', 'api_keys', 'invitations', 'sso_providers', 'sessions', 'one_time_tokens']) {
    expect(await auth.admin`select 1 from ${auth.admin(table)}`, table).toHaveLength(0)
  }
})
