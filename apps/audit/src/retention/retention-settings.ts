import type { Retention } from '@memoric/contracts/audit-proof-contract.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { EventFactory } from '@memoric/service/event-factory.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { requireWholeTenant, wholeTenant } from '../log/log-readers.ts'
import { findRetention, saveRetention } from './retention-repository.ts'

export interface RetentionDeps {
  readonly sql: Sql
  readonly events: EventFactory
  readonly wakeRelay: () => void
  /** Days for tenants that have not chosen; null for ever. */
  readonly defaultRetentionDays: number | null
  /** Called once a legal hold has ended. */
  readonly onHoldEnded: () => void
}

export async function getAuditRetention(
  deps: RetentionDeps,
  { context }: Call<RouteTable['getAuditRetention']>,
): Promise<RouteOutput<RouteTable['getAuditRetention']>> {
  requireWholeTenant(context.caller)
  const { tenantId } = context.caller
  const body = await tenantTransaction(deps.sql, wholeTenant(tenantId), (tx) => findRetention(tx, tenantId))
  return { status: 200, body: body ?? defaultOf(deps) }
}

/** The change is told in the same transaction. */
export async function setAuditRetention(
  deps: RetentionDeps,
  { body, context }: Call<RouteTable['setAuditRetention']>,
): Promise<RouteOutput<RouteTable['setAuditRetention']>> {
  requireWholeTenant(context.caller)
  const { tenantId } = context.caller
  await tenantTransaction(deps.sql, wholeTenant(tenantId), async (tx) => {
    const before = (await findRetention(tx, tenantId)) ?? defaultOf(deps)
    const event = deps.events({
      type: 'audit.retention_changed',
      context,
      resourceId: tenantId,
      statusCode: 200,
      details: { before: { ...before }, after: { ...body } },
    })
    await Promise.all([saveRetention(tx, tenantId, body), outboxInsert(tx, [event])])
  })
  deps.wakeRelay()
  if (!body.legal_hold) deps.onHoldEnded()
  return { status: 200, body }
}

function defaultOf({ defaultRetentionDays }: RetentionDeps): Retention {
  return { retention_days: defaultRetentionDays, legal_hold: false }
}
