import { expect, test } from 'vitest'
import { signUp } from './sign-up.ts'
import { useAuth } from './use-auth.ts'

const auth = useAuth()

test('a user learns who it is', async () => {
  const owner = await signUp(auth)
  const answer = await auth.call('GET', '/v1/auth/me', undefined, owner.caller)
  expect(answer).toMatchObject({
    status: 200,
    body: {
      principal: { type: 'user', id: owner.userId },
      user: { id: owner.userId, email: owner.email, display_name: 'An Owner', role: 'owner' },
      tenant: { id: owner.tenantId, name: 'Acme' },
      permissions: owner.caller.permissions,
    },
  })
})

test('an API key learns its tenant and what it may do, and no user', async () => {
  const owner = await signUp(auth)
  const created = await auth.call('POST', '/v1/api-keys', { name: 'k', scopes: ['memories:read'] }, owner.caller)
  const principal = { type: 'api_key', id: created.body.id } as const
  const caller = { ...owner.caller, principal, permissions: ['memories:read' as const] }
  expect(await auth.call('GET', '/v1/auth/me', undefined, caller)).toMatchObject({
    status: 200,
    body: { principal, user: null, tenant: { id: owner.tenantId }, permissions: ['memories:read'] },
  })
})

test('nobody is told without a credential', async () => {
  const answer = await auth.call('GET', '/v1/auth/me')
  expect(answer).toMatchObject({ status: 401, body: { code: 'authentication_required' } })
})

test('a user of another tenant is nobody here', async () => {
  const [owner, other] = [await signUp(auth), await signUp(auth)]
  const answer = await auth.call('GET', '/v1/auth/me', undefined, { ...owner.caller, tenantId: other.caller.tenantId! })
  expect(answer.status).toBe(401)
})
