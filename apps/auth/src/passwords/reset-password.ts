import type { TenantId, UserId } from '@memoric/contracts/ids.ts'
import { hashToken } from '@memoric/crypto/opaque-token.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemFlight, tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { selectTenant } from '../accounts/tenant-repository.ts'
import type { UserRow } from '../accounts/user-repository.ts'
import { announceRevoked } from '../announce-revoked.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { queueMail } from '../mail/mail-queue.ts'
import { findUserOfToken } from '../one-time-tokens/one-time-token.ts'
import { deleteTokens, takeToken } from '../one-time-tokens/one-time-token-repository.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { tenantScope } from '../tenant-scope.ts'
import { forgetFailures } from '../throttle/attempt-repository.ts'
import { attemptPlace } from '../throttle/sign-in-throttle.ts'
import { passwordOwner } from './password-owner.ts'
import { type NewPassword, resetPasswordHash } from './password-repository.ts'
import { type PasswordOwner, requireGoodPassword, standsAlone } from './password-rules.ts'

/** Sets a password with the token of a mail, which proves the address as well. A second factor stays and is still asked for. */
export function resetPassword(deps: Deps): Handler<'resetPassword'> {
  return async ({ body, context }) => {
    const user = await findUserOfToken(deps.sql, 'password_reset', body.token)
    const owner = await readOwner(deps, user)
    await requireGoodPassword(body.new_password, owner, '/new_password')
    const hash = await deps.passwords.hash(body.new_password)
    const password = { hash, standsAlone: standsAlone(body.new_password) }
    const ended = await tenantTransaction(deps.sql, tenantScope(user.tenant_id), (tx) =>
      store(tx, deps, { user, password, tokenHash: hashToken(body.token) }, context),
    )
    deps.relay.wake()
    deps.mail.wake()
    announceRevoked(deps, ended)
    await forgetFailuresOf(deps, owner, context)
    return { status: 204, body: null }
  }
}

async function readOwner(deps: Deps, user: UserRow): Promise<PasswordOwner> {
  const { tenant_id: tenantId } = user
  const [[tenant]] = await tenantFlight(deps.sql, tenantScope(tenantId), (tx) => [selectTenant(tx, tenantId)])
  if (tenant === undefined) throw new AppError('invalid_token')
  return passwordOwner(deps.keys.personal, user, tenant)
}

interface Reset {
  readonly user: UserRow
  readonly password: NewPassword
  readonly tokenHash: Buffer
}

async function store(
  tx: Tx,
  deps: Deps,
  { user, password, tokenHash }: Reset,
  context: RequestContext,
): Promise<string[]> {
  // Ids of a row.
  const [tenantId, userId] = [user.tenant_id as TenantId, user.id as UserId]
  const changed = await resetPasswordHash(tx, user, password)
  if (changed.length === 0) throw new AppError('write_conflict')
  const taken = await takeToken(tx, { tenantId, userId, purpose: 'password_reset' }, tokenHash)
  if (taken.length === 0) throw new AppError('invalid_token')
  const event = deps.events({
    type: 'auth.password.reset',
    context,
    tenantId,
    actor: `user:${userId}`,
    resourceId: userId,
    statusCode: 204,
  })
  const [ended] = await Promise.all([
    endSessions(tx, deps, { tenantId, userId, reason: 'password_reset', statusCode: 204 }, context),
    deleteTokens(tx, tenantId, userId),
    outboxInsert(tx, [event]),
    queueMail(tx, deps, {
      kind: 'security_notice',
      tenantId,
      userId,
      text: 'Your password was set with a mailed token.',
    }),
  ])
  return ended
}

/** Whoever reset the password failed to sign in before. */
async function forgetFailuresOf(deps: Deps, { email }: PasswordOwner, { caller }: RequestContext): Promise<void> {
  const place = attemptPlace(deps.keys, { email, address: caller.clientAddress })
  await systemFlight(deps.sql, (tx) => forgetFailures(tx, place))
}
