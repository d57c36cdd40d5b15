import type { changePasswordBody } from '@memoric/contracts/password-contract.ts'
import type { UserId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { z } from 'zod'
import { selectTenant } from '../accounts/tenant-repository.ts'
import { announceRevoked } from '../announce-revoked.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { queueMail } from '../mail/mail-queue.ts'
import { deleteTokens } from '../one-time-tokens/one-time-token-repository.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { lockLiveSession } from '../sessions/live-session-repository.ts'
import { requireSession } from '../sessions/require-session.ts'
import { tenantScope } from '../tenant-scope.ts'
import { requireCurrentPassword } from './require-current-password.ts'
import { passwordOwner } from './password-owner.ts'
import { changePasswordHash, type NewPassword, type PasswordUser, selectPasswordUser } from './password-repository.ts'
import { requireGoodPassword, requireOtherPassword, standsAlone } from './password-rules.ts'

type ChangePasswordBody = z.infer<typeof changePasswordBody>

/** Changes the own password; who holds another session or a mailed token holds nothing any more. */
export function changePassword(deps: Deps): Handler<'changePassword'> {
  return async ({ body, context }) => {
    const user = await checkChange(deps, body, context)
    const hash = await deps.passwords.hash(body.new_password)
    const password = { hash, standsAlone: standsAlone(body.new_password) }
    const ended = await tenantTransaction(deps.sql, tenantScope(user.tenant_id), (tx) =>
      store(tx, deps, user, password, context),
    )
    deps.relay.wake()
    deps.mail.wake()
    // What the session that stays may do depended on a password that was too short.
    announceRevoked(deps, user.password_stands_alone ? ended : [user.id, ...ended])
    return { status: 204, body: null }
  }
}

/** The user, once the new password is fit and the current one is right. */
async function checkChange(deps: Deps, body: ChangePasswordBody, context: RequestContext): Promise<PasswordUser> {
  const { tenantId } = context.caller
  const { userId } = requireSession(context.caller)
  const [[user], [tenant]] = await tenantFlight(deps.sql, tenantScope(tenantId), (tx) => [
    selectPasswordUser(tx, tenantId, userId),
    selectTenant(tx, tenantId),
  ])
  if (user === undefined || tenant === undefined) throw new AppError('invalid_token')
  if (user.password_hash === null) throw new AppError('no_password')
  const owner = passwordOwner(deps.keys.personal, user, tenant)
  await requireGoodPassword(body.new_password, owner, '/new_password')
  await requireCurrentPassword(deps, { user, email: owner.email, password: body.current_password, context })
  requireOtherPassword(body.new_password, body.current_password)
  return user
}

async function store(
  tx: Tx,
  deps: Deps,
  user: PasswordUser,
  password: NewPassword,
  context: RequestContext,
): Promise<string[]> {
  const { tenantId } = context.caller
  const { sessionId } = requireSession(context.caller)
  const changed = await changePasswordHash(tx, user, password)
  if (changed.length === 0) throw new AppError('write_conflict')
  // A gateway may not know yet that the session has ended.
  const [session] = await lockLiveSession(tx, tenantId, sessionId, deps.config)
  if (session?.userId !== user.id) throw new AppError('invalid_token')
  if (session.suspended) throw new AppError('tenant_suspended')
  const ending = { tenantId, userId: user.id, except: sessionId, reason: 'password_changed', statusCode: 204 } as const
  // From the row of a user.
  const notice = { tenantId, userId: user.id as UserId, text: 'Your password was changed.' }
  const [ended] = await Promise.all([
    endSessions(tx, deps, ending, context),
    deleteTokens(tx, tenantId, user.id),
    outboxInsert(tx, [deps.events({ type: 'auth.password.changed', context, resourceId: user.id, statusCode: 204 })]),
    queueMail(tx, deps, { kind: 'security_notice', ...notice }),
  ])
  return ended
}
