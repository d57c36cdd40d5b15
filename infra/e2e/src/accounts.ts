import { randomUUID } from 'node:crypto'
import { PERMISSIONS, type Permission, type Role } from '@memoric/contracts/permissions.ts'
import type { Credential, SuccessBody } from './api-client.ts'
import type { Stack } from './use-stack.ts'

/** A tenant with its owner signed in and an API key that may do everything. */
export interface Account {
  readonly tenantId: string
  readonly userId: string
  readonly email: string
  readonly password: string
  readonly refreshToken: string
  readonly session: Credential
  readonly key: Credential
  readonly keyId: string
}

export const PASSWORD = 'correct horse battery staple'

export interface KeyLimits {
  readonly scopes?: readonly Permission[]
  readonly subjects?: readonly string[]
  readonly namespaces?: readonly string[]
  readonly ip_allow?: readonly string[]
}

/** Registers a tenant; with another role than `owner`, the user who did it is given that role in the database. */
export async function register(stack: Stack, role: Role = 'owner'): Promise<Omit<Account, 'key' | 'keyId'>> {
  const email = `${randomUUID()}@example.org`
  const body = { email, password: PASSWORD, tenant_name: 'Tests' }
  const made = await stack.api.ok('register', null, { body })
  if (role !== 'owner') await stack.admin.auth`update users set role = ${role} where id = ${made.user.id}`
  return {
    tenantId: made.tenant.id,
    userId: made.user.id,
    email,
    password: PASSWORD,
    refreshToken: made.refresh_token,
    session: { token: made.access_token },
  }
}

export async function createAccount(stack: Stack): Promise<Account> {
  const account = await register(stack)
  const made = await createKey(stack, account.session)
  return { ...account, key: { apiKey: made.key }, keyId: made.id }
}

/** An API key made by `credential`; with every permission and without limits unless told. */
export function createKey(
  stack: Stack,
  credential: Credential,
  limits: KeyLimits = {},
): Promise<SuccessBody<'createApiKey'>> {
  return stack.api.ok('createApiKey', credential, { body: { name: 'a key', scopes: PERMISSIONS, ...limits } })
}
