import type { Caller } from '@memoric/contracts/caller.ts'
import type { EventType } from '@memoric/contracts/event-types.ts'
import { INTROSPECT_PATH, introspectAnswer } from '@memoric/contracts/introspection.ts'
import { type Permission, PERMISSIONS, ROLE_PERMISSIONS, type Role } from '@memoric/contracts/permissions.ts'
import { beginSession } from './begin-session.ts'
import { type Owner, PASSWORD, randomEmail } from './sign-up.ts'
import type { TestAuth } from './use-auth.ts'

/** A member of the tenant of an owner, added by that owner and signed in. */
export type Member = Owner

/** Adds a member and signs it in, past the password. */
export async function addMember(auth: TestAuth, owner: Owner, role: Role = 'user'): Promise<Member> {
  const email = randomEmail()
  const added = await auth.call('POST', '/v1/users', { email, role, password: PASSWORD }, owner.caller)
  if (added.status !== 201) throw new Error(`not added: ${JSON.stringify(added.body)}`)
  const userId = String(added.body.id)
  const isFree = role === 'owner' || role === 'admin'
  const caller: Partial<Caller> = {
    ...owner.caller,
    principal: { type: 'user', id: userId },
    permissions: [...ROLE_PERMISSIONS[role]],
    subjects: isFree ? '*' : [userId],
  }
  const member = { email, userId, tenantId: owner.tenantId, caller, refreshToken: '', accessToken: '' }
  const session = await beginSession(auth, member)
  return { ...member, refreshToken: session.refreshToken, caller: session.caller }
}

/** An API key that `maker` made, and whom the gateway would state for it. */
export async function addKey(auth: TestAuth, maker: Owner, scopes: readonly Permission[] = PERMISSIONS) {
  const made = await auth.call('POST', '/v1/api-keys', { name: 'k', scopes }, maker.caller)
  if (made.status !== 201) throw new Error(`no key: ${JSON.stringify(made.body)}`)
  const { id, key, key_id } = made.body
  const caller: Partial<Caller> = {
    tenantId: maker.caller.tenantId!,
    principal: { type: 'api_key', id },
    permissions: [...scopes],
    subjects: '*',
    namespaces: '*',
  }
  return { id: id as string, key, keyId: key_id, caller }
}

const gateway: Partial<Caller> = { principal: { type: 'service', id: 'gateway' } }

/** What a gateway is told about a session. */
export async function askSession(auth: TestAuth, { caller, userId }: Pick<Owner, 'caller' | 'userId'>) {
  const question = { kind: 'session', session_id: caller.sessionId, user_id: userId }
  return introspectAnswer.parse((await auth.call('POST', INTROSPECT_PATH, question, gateway)).body)
}

/** What a gateway is told about an API key. */
export async function askKey(auth: TestAuth, text: string) {
  const [, , key_id = '', rest = ''] = text.split('_')
  const question = { kind: 'api_key', key_id, secret: rest.slice(0, -6) }
  return introspectAnswer.parse((await auth.call('POST', INTROSPECT_PATH, question, gateway)).body)
}

/** The events of a tenant, of a type. */
export async function eventsOf(auth: TestAuth, { tenantId }: Pick<Owner, 'tenantId'>, type: EventType) {
  return (await auth.events(type)).filter(({ tenantid }) => tenantid === tenantId)
}

/** How many events of any type a tenant has. */
export async function countEvents({ admin }: TestAuth, { tenantId }: Pick<Owner, 'tenantId'>): Promise<number> {
  const [row] = await admin<{ count: number }[]>`
    select count(*)::int as count from outbox where tenant_id = ${tenantId}`
  return row?.count ?? 0
}
