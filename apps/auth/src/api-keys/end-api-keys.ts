import type { TenantId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { EventContext } from '@memoric/service/event-factory.ts'
import type { Deps } from '../deps.ts'
import { insertEvents } from '../insert-events.ts'

/** Which keys of a tenant end, and why; a part that is left out does not narrow the choice. */
export interface KeyEnding {
  readonly tenantId: TenantId
  readonly createdBy?: string
  readonly id?: string
  readonly reason: 'creator_removed' | 'contained'
  /** What the request that ends them answers; null when it is none. */
  readonly statusCode: number | null
}

/**
 * Revokes live keys and writes their events. Gives the ids of those that ended: the caller announces them after the commit
 * (`announceRevoked`) and wakes the relay.
 */
export async function endApiKeys(
  tx: Tx,
  { events }: Pick<Deps, 'events'>,
  ending: KeyEnding,
  context: EventContext,
): Promise<string[]> {
  const { tenantId, reason, statusCode } = ending
  const ended = await endLiveKeys(tx, ending)
  await insertEvents(tx, ended, ({ id, key_id }) =>
    events({ type: 'api_key.revoked', context, tenantId, resourceId: id, statusCode, reason, details: { key_id } }),
  )
  return ended.map(({ id }) => id)
}

/** Locked in one order, so that two who end several never wait for each other in a circle. */
function endLiveKeys(tx: Tx, { tenantId, createdBy, id, reason }: KeyEnding) {
  return tx<{ id: string; key_id: string }[]>`
    with live as (
      select id from api_keys
      where tenant_id = ${tenantId} and revoked_at is null and expires_at > now()
        ${createdBy === undefined ? tx`` : tx`and created_by = ${createdBy}`}
        ${id === undefined ? tx`` : tx`and id = ${id}`}
      order by id
      for update
    )
    update api_keys set revoked_at = now(), revoked_reason = ${reason}
    where tenant_id = ${tenantId} and id in (select id from live)
    returning id, key_id`
}
