import type { TenantId, UserId } from '@memoric/contracts/ids.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { markEmailVerified } from '../accounts/user-repository.ts'
import { selectMembers } from '../members/member-repository.ts'
import { deleteTokens } from '../one-time-tokens/one-time-token-repository.ts'
import { tenantScope } from '../tenant-scope.ts'
import { containUser } from '../tenants/containment.ts'
import { readEmail, readReason, readTenantId, readUserId } from './arguments.ts'
import type { Command, CommandOptions, Report } from './command.ts'
import type { Operator } from './open-operator.ts'
import { OperatorError } from './operator-error.ts'

const TENANT = 'id of the tenant'
const PARAMETERS = [TENANT, 'id of the user']

/** Commands about single users. */
export const userCommands: readonly Command[] = [
  {
    words: 'users contain',
    parameters: PARAMETERS,
    options: ['reason'],
    summary: 'deactivate a user, end the sessions and revoke the API keys that the user made',
    run: (operator, [tenant, user], options) => contain(operator, readTenantId(tenant), readUserId(user), options),
  },
  {
    words: 'users reactivate',
    parameters: PARAMETERS,
    options: ['reason'],
    summary: 'let a deactivated user sign in again, such as the only owner of a tenant',
    run: (operator, [tenant, user], options) => reactivate(operator, readTenantId(tenant), readUserId(user), options),
  },
  {
    words: 'users verify-email',
    parameters: [TENANT, 'e-mail address'],
    options: ['reason'],
    summary: 'take the address of a user for proven without a mail, such as that of the first owner',
    run: (operator, [tenant, email], options) => verifyEmail(operator, readTenantId(tenant), readEmail(email), options),
  },
]

async function contain(
  operator: Operator,
  tenantId: TenantId,
  userId: UserId,
  { reason }: CommandOptions,
): Promise<Report> {
  const request = { tenantId, userId, ...readReason(reason), statusCode: null }
  const { sessions, apiKeys, announce } = await tenantTransaction(operator.sql, tenantScope(tenantId), (tx) =>
    containUser(tx, operator, request, operator.context),
  )
  await operator.announceRevoked(announce)
  return {
    value: {
      tenant_id: tenantId,
      user_id: userId,
      sessions_revoked: sessions.length,
      api_keys_revoked: apiKeys.length,
    },
    lines: [`User ${userId} is deactivated; sessions ended: ${sessions.length}, API keys revoked: ${apiKeys.length}.`],
  }
}

async function reactivate(
  { sql, events, context }: Operator,
  tenantId: TenantId,
  userId: UserId,
  { reason }: CommandOptions,
): Promise<Report> {
  const told = { type: 'user.reactivated', context, tenantId, resourceId: userId, statusCode: null } as const
  const changed = await tenantTransaction(sql, tenantScope(tenantId), async (tx) => {
    const [user] = await tx<{ active: boolean }[]>`
      select deactivated_at is null as active from users where tenant_id = ${tenantId} and id = ${userId} for update`
    if (user === undefined) throw new OperatorError(`There is no user ${userId} in tenant ${tenantId}.`)
    if (user.active) return false
    await tx`update users set deactivated_at = null where tenant_id = ${tenantId} and id = ${userId}`
    await outboxInsert(tx, [events({ ...told, ...readReason(reason) })])
    return true
  })
  const line = changed ? 'can sign in again' : 'was active'
  return { value: { tenant_id: tenantId, user_id: userId, active: true, changed }, lines: [`User ${userId} ${line}.`] }
}

async function verifyEmail(
  { sql, keys, events, context }: Operator,
  tenantId: TenantId,
  email: string,
  { reason }: CommandOptions,
): Promise<Report> {
  const told = { type: 'auth.email.verified', context, tenantId, statusCode: null, ...readReason(reason) } as const
  const { userId, changed } = await tenantTransaction(sql, tenantScope(tenantId), async (tx) => {
    const [user] = await selectMembers(tx, tenantId, { emailIndex: keys.emailIndex(email), before: null }, 1)
    if (user === undefined) throw new OperatorError(`There is no user with this address in tenant ${tenantId}.`)
    await deleteTokens(tx, tenantId, user.id, 'email_verification')
    const marked = await markEmailVerified(tx, tenantId, user.id)
    if (marked.length === 0) return { userId: user.id, changed: false }
    await outboxInsert(tx, [events({ ...told, resourceId: user.id })])
    return { userId: user.id, changed: true }
  })
  const line = changed ? 'counts as proven from now on' : 'was proven already'
  return {
    value: { tenant_id: tenantId, user_id: userId, email_verified: true, changed },
    lines: [`The address of user ${userId} ${line}.`],
  }
}
