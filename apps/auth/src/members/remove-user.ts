import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { announceRevoked } from '../announce-revoked.ts'
import { endApiKeys } from '../api-keys/end-api-keys.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { tenantScope } from '../tenant-scope.ts'
import { endInvitationsOf } from './end-invitations.ts'
import { deleteMember, type MemberRow } from './member-repository.ts'
import { requireAnotherOwner, requireAuthorityOver } from './member-rules.ts'
import { lockMembership, targetOf } from './membership.ts'

/** Removes a member with sessions, keys and invitations; the address is free again. */
export function removeUser(deps: Deps): Handler<'removeUser'> {
  return async ({ params: { id }, context }) => {
    const keys = await tenantTransaction(deps.sql, tenantScope(context.caller.tenantId), async (tx) => {
      const membership = await lockMembership(tx, context.caller, id)
      requireAuthorityOver(membership.actor, targetOf(membership))
      requireAnotherOwner(membership)
      return remove(tx, deps, targetOf(membership), context)
    })
    deps.relay.wake()
    announceRevoked(deps, [id, ...keys])
    return { status: 204, body: null }
  }
}

/** The keys end before the row goes, since they forget then who made them. */
async function remove(tx: Tx, deps: Deps, target: MemberRow, context: RequestContext): Promise<string[]> {
  const { tenantId } = context.caller
  const ending = { tenantId, createdBy: target.id, reason: 'creator_removed', statusCode: 204 } as const
  const keys = await endApiKeys(tx, deps, ending, context)
  await endInvitationsOf(tx, deps, target, context)
  await Promise.all([deleteMember(tx, target), outboxInsert(tx, [removed(deps, target, keys.length, context)])])
  return keys
}

function removed(deps: Deps, { id, role }: MemberRow, keys: number, context: RequestContext) {
  const details = { role, api_keys_revoked: keys }
  return deps.events({ type: 'user.removed', context, resourceId: id, statusCode: 204, details })
}
