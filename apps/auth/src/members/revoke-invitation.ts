import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { lockInvitation, markRevoked } from './invitation-repository.ts'
import { statusOf } from './invitation-view.ts'

/** Takes an invitation back that is still open. */
export function revokeInvitation(deps: Deps): Handler<'revokeInvitation'> {
  return async ({ params: { id }, context }) => {
    const { tenantId } = context.caller
    await tenantTransaction(deps.sql, tenantScope(tenantId), async (tx) => {
      const [row] = await lockInvitation(tx, tenantId, id)
      if (row === undefined) throw new AppError('invitation_not_found')
      const status = statusOf(row)
      if (status !== 'open') throw new AppError('invitation_ended', { detail: `it is ${status}` })
      const event = deps.events({ type: 'invitation.revoked', context, resourceId: id, statusCode: 204 })
      await Promise.all([markRevoked(tx, tenantId, id), outboxInsert(tx, [event])])
    })
    deps.relay.wake()
    return { status: 204, body: null }
  }
}
