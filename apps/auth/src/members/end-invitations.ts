import type { Tx } from '@memoric/postgres/lease.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { Deps } from '../deps.ts'
import { insertEvents } from '../insert-events.ts'
import { revokeInvitationsOf, revokeInvitationsTo } from './invitation-repository.ts'
import type { MemberRow } from './member-repository.ts'

/** Why an invitation was taken back without being asked for. */
type Reason = 'replaced' | 'member_removed'

/** Takes back the invitation of an address that a new one replaces. */
export async function endInvitationsTo(
  tx: Tx,
  deps: Pick<Deps, 'events'>,
  emailIndex: Buffer,
  context: RequestContext,
): Promise<void> {
  const ended = await revokeInvitationsTo(tx, context.caller.tenantId, emailIndex)
  await tell(tx, deps, ended, 'replaced', 201, context)
}

/** Takes back what a member who is removed invited to, and what could bring the member back. */
export async function endInvitationsOf(
  tx: Tx,
  deps: Pick<Deps, 'events'>,
  { tenant_id, id }: MemberRow,
  context: RequestContext,
): Promise<void> {
  const ended = await revokeInvitationsOf(tx, tenant_id, id)
  await tell(tx, deps, ended, 'member_removed', 204, context)
}

/** Nobody needs to hear of those that had expired. */
function tell(
  tx: Tx,
  { events }: Pick<Deps, 'events'>,
  ended: readonly { readonly id: string; readonly expired: boolean }[],
  reason: Reason,
  statusCode: number,
  context: RequestContext,
): Promise<void> {
  const open = ended.filter(({ expired }) => !expired)
  return insertEvents(tx, open, ({ id }) =>
    events({ type: 'invitation.revoked', context, resourceId: id, statusCode, reason }),
  )
}
