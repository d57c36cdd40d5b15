import { randomBytes } from 'node:crypto'
import type { Caller } from '@memoric/contracts/caller.ts'
import { ROLE_PERMISSIONS } from '@memoric/contracts/permissions.ts'
import { decodeJwt } from 'jose'
import type { TestAuth } from './use-auth.ts'

export const PASSWORD = 'correct horse battery staple'

/** An owner of a tenant of its own. */
export interface Owner {
  readonly email: string
  readonly userId: string
  readonly tenantId: string
  readonly refreshToken: string
  readonly accessToken: string
  /** Whom the gateway would state for the owner's access token. */
  readonly caller: Partial<Caller>
}

export const randomEmail = (): string => `${randomBytes(6).toString('hex')}@example.com`

/** Registers a new tenant. */
export async function signUp(auth: Pick<TestAuth, 'call'>, email = randomEmail()): Promise<Owner> {
  const body = { email, password: PASSWORD, tenant_name: 'Acme', display_name: 'An Owner' }
  const answer = await auth.call('POST', '/v1/auth/register', body)
  if (answer.status !== 201) throw new Error(`not registered: ${JSON.stringify(answer.body)}`)
  const { user, tenant, refresh_token, access_token } = answer.body
  const caller: Partial<Caller> = {
    tenantId: tenant.id,
    principal: { type: 'user', id: user.id },
    sessionId: String(decodeJwt(access_token)['sid']),
    permissions: [...ROLE_PERMISSIONS.owner],
    subjects: '*',
    namespaces: '*',
  }
  return {
    email,
    userId: user.id,
    tenantId: tenant.id,
    refreshToken: refresh_token,
    accessToken: access_token,
    caller,
  }
}
