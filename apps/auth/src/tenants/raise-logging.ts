import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { Deps } from '../deps.ts'

/**
 * Makes the log tell of every read again, where the tenant had chosen less; gives whether it had. Locks the tenant, so it comes
 * before anything that locks members.
 */
export async function raiseLogging(
  tx: Tx,
  { events }: Pick<Deps, 'events'>,
  context: RequestContext,
): Promise<boolean> {
  const { tenantId } = context.caller
  const [row] = await tx<{ before: string }[]>`
    with before as (
      select settings ->> 'audit_reads' as audit_reads from tenants
      where id = ${tenantId} and settings ->> 'audit_reads' in ('sampled', 'none') for no key update
    )
    update tenants set settings = settings || '{"audit_reads":"all"}' from before
    where id = ${tenantId}
    returning before.audit_reads as before`
  if (row === undefined) return false
  const details = { changed: ['audit_reads'], settings: { audit_reads: { from: row.before, to: 'all' } } }
  const event = events({
    type: 'tenant.updated',
    context,
    resourceId: tenantId,
    statusCode: 200,
    reason: 'contained',
    details,
  })
  await outboxInsert(tx, [event])
  return true
}
