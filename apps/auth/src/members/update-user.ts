import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { userView } from '../accounts/account-views.ts'
import type { UserRow } from '../accounts/user-repository.ts'
import { announceRevoked } from '../announce-revoked.ts'
import type { Deps } from '../deps.ts'
import type { Handler } from '../handler.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { tenantScope } from '../tenant-scope.ts'
import { changeEvents, changeOf, columnsAfter, type MemberChange } from './member-change.ts'
import { selectKeyIdsOf, updateMember, type MemberRow } from './member-repository.ts'
import { requireAnotherOwner, requireAuthorityOver, requireMayGive } from './member-rules.ts'
import { lockMembership, type Membership, targetOf } from './membership.ts'

interface Changed {
  readonly row: UserRow
  /** Ids by which gateways forget the grants that are others now. */
  readonly announce: readonly string[]
}

/** Changes a member. What is asked for and is so already changes and tells nothing. */
export function updateUser(deps: Deps): Handler<'updateUser'> {
  return async ({ params: { id }, body, context }) => {
    const { row, announce } = await tenantTransaction(deps.sql, tenantScope(context.caller.tenantId), async (tx) => {
      const membership = await lockMembership(tx, context.caller, id)
      const change = changeOf(deps.keys.personal, targetOf(membership), body)
      if (Object.keys(change).length === 0) return { row: targetOf(membership), announce: [] }
      requireMayChange(membership, change)
      return apply(tx, deps, targetOf(membership), change, context)
    })
    deps.relay.wake()
    announceRevoked(deps, announce)
    return { status: 200, body: userView(deps.keys.personal, row) }
  }
}

/** Whoever reactivates a member gives the role back. */
function requireMayChange(membership: Membership, { role, active }: MemberChange): void {
  const { actor } = membership
  const target = targetOf(membership)
  requireAuthorityOver(actor, target)
  if (role !== undefined || active === true) requireMayGive(actor, role ?? target.role)
  if (role !== undefined || active === false) requireAnotherOwner(membership)
}

async function apply(
  tx: Tx,
  deps: Deps,
  target: MemberRow,
  change: MemberChange,
  context: RequestContext,
): Promise<Changed> {
  const { tenant_id: tenantId, id: userId } = target
  const [[row], keys] = await Promise.all([
    updateMember(tx, target, columnsAfter(deps.keys.personal, target, change)),
    selectKeyIdsOf(tx, target),
    outboxInsert(tx, changeEvents(deps.events, target, change, context)),
  ])
  if (row === undefined) throw new Error('a locked row was not updated')
  if (change.active === false) {
    await endSessions(tx, deps, { tenantId, userId, reason: 'deactivated', statusCode: 200 }, context)
  }
  if (change.role === 'owner') {
    // Owners do not come in through a provider, which an administrator may have chosen.
    await endSessions(tx, deps, { tenantId, userId, method: 'sso', reason: 'promoted', statusCode: 200 }, context)
  }
  const isOther = change.role !== undefined || change.active !== undefined
  return { row, announce: isOther ? [userId, ...keys.map(({ id }) => id)] : [] }
}
