import type { TenantId } from '@memoric/contracts/ids.ts'
import { hashToken } from '@memoric/crypto/opaque-token.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { findUserOfToken } from '../one-time-tokens/one-time-token.ts'
import { deleteTokens, takeToken } from '../one-time-tokens/one-time-token-repository.ts'
import { tenantScope } from '../tenant-scope.ts'
import { markEmailVerified, type UserRow } from './user-repository.ts'

/** Proves an address with the token that was mailed to it. */
export function verifyEmail(deps: Deps): Handler<'verifyEmail'> {
  return async ({ body, context }) => {
    const user = await findUserOfToken(deps.sql, 'email_verification', body.token)
    await tenantTransaction(deps.sql, tenantScope(user.tenant_id), (tx) =>
      verify(tx, deps, user, hashToken(body.token), context),
    )
    deps.relay.wake()
    return { status: 204, body: null }
  }
}

async function verify(tx: Tx, { events }: Deps, user: UserRow, hash: Buffer, context: RequestContext): Promise<void> {
  const { tenant_id: tenantId, id: userId } = user
  const taken = await takeToken(tx, { tenantId, userId, purpose: 'email_verification' }, hash)
  if (taken.length === 0) throw new AppError('invalid_token')
  const event = events({
    type: 'auth.email.verified',
    context,
    // From a row of that tenant.
    tenantId: tenantId as TenantId,
    actor: `user:${userId}`,
    resourceId: userId,
    statusCode: 204,
  })
  await Promise.all([
    markEmailVerified(tx, tenantId, userId),
    deleteTokens(tx, tenantId, userId, 'email_verification'),
    outboxInsert(tx, [event]),
  ])
}
