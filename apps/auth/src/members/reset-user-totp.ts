import type { UserId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { announceRevoked } from '../announce-revoked.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { queueMail } from '../mail/mail-queue.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { tenantScope } from '../tenant-scope.ts'
import { clearTotp } from './member-repository.ts'
import { requireAuthorityOver } from './member-rules.ts'
import { lockMembership, targetOf } from './membership.ts'

const NOTICE = 'An administrator took your authenticator app and your recovery codes out of use.'

/** Takes the authenticator app from another member, whose sessions end and who gets a mail about it. */
export function resetUserTotp(deps: Deps): Handler<'resetUserTotp'> {
  return async ({ params: { id }, context }) => {
    requireAnotherMember(context, id)
    const ended = await tenantTransaction(deps.sql, tenantScope(context.caller.tenantId), (tx) =>
      reset(tx, deps, id, context),
    )
    deps.relay.wake()
    deps.mail.wake()
    announceRevoked(deps, [id, ...ended])
    return { status: 204, body: null }
  }
}

/** The own one asks for a recent sign-in, which this would get around. */
function requireAnotherMember({ caller: { principal } }: RequestContext, id: string): void {
  if (principal.type !== 'user' || principal.id !== id) return
  throw new AppError('rule_violated', { detail: 'the own authenticator app is taken away with DELETE /v1/auth/totp' })
}

async function reset(tx: Tx, deps: Deps, id: UserId, context: RequestContext): Promise<string[]> {
  const { tenantId } = context.caller
  const membership = await lockMembership(tx, context.caller, id)
  const target = targetOf(membership)
  requireAuthorityOver(membership.actor, target)
  if (!target.has_totp) throw new AppError('totp_not_enrolled')
  await Promise.all([
    clearTotp(tx, target),
    queueMail(tx, deps, { kind: 'security_notice', tenantId, userId: id, text: NOTICE }),
    outboxInsert(tx, [disabled(deps, id, context)]),
  ])
  return endSessions(tx, deps, { tenantId, userId: id, reason: 'totp_reset', statusCode: 204 }, context)
}

function disabled(deps: Deps, id: UserId, context: RequestContext) {
  return deps.events({
    type: 'auth.totp.disabled',
    context,
    resourceId: id,
    statusCode: 204,
    reason: 'reset_by_admin',
  })
}
