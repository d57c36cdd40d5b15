import type { FirstTenant } from '@memoric/setup/first-tenant.ts'
import { ensureFirstTenant } from '@memoric/setup/create-first-tenant.ts'
import { expect, test } from 'vitest'
import { useStack } from '../src/use-stack.ts'

const stack = useStack()
const password = 'correct horse battery staple'
const ensure = (known?: FirstTenant, secret = password) => ensureFirstTenant(stack.settings.urls.gateway, secret, known)

test('the first tenant is made once, and found again', async () => {
  const { tenant, state } = await ensure()
  expect(state).toBe('made')
  expect(await ensure(tenant)).toEqual({ tenant, state: 'there' })
})

test('where the file of credentials was removed, the same tenant gets another API key', async () => {
  const [first, second] = [await ensure(), await ensure()]
  expect(second).toMatchObject({ state: 'made', tenant: { tenant_id: first.tenant.tenant_id } })
  expect(second.tenant.api_key).not.toBe(first.tenant.api_key)
})

test('an API key that was revoked is not replaced, whatever became of the password', async () => {
  const { tenant } = await ensure()
  const credential = { apiKey: tenant.api_key }
  const { items } = await stack.api.ok('listApiKeys', credential)
  await stack.api.ok('revokeApiKey', credential, { params: { id: items[0]?.id ?? '' } })
  expect(await ensure(tenant)).toEqual({ tenant, state: 'key ended' })
  expect(await ensure(tenant, 'another since then, and long')).toEqual({ tenant, state: 'key ended' })
})
