import type { TenantId } from '@memoric/contracts/ids.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { EventContext, EventFactory } from '@memoric/service/event-factory.ts'
import { dropExpired, type RetentionRun, selectDropped, type SequenceRange } from './retention-repository.ts'

export interface RetentionRunDeps {
  readonly sql: Sql
  readonly events: EventFactory
  readonly wakeRelay: () => void
}

/** Ranges that one event names at most, so that it stays far below the size of an event. */
const RANGES = 400

/**
 * Drops the months that every tenant with lines in them lets go. Each of these tenants gets an event in its log, in the same
 * transaction, that says which of its lines went, then and before: the lines that told of it before go one day as well. Gives what
 * went.
 */
export async function runRetention(
  { sql, events, wakeRelay }: RetentionRunDeps,
  defaultDays: number | null,
  context: EventContext,
): Promise<RetentionRun[]> {
  const runs = await systemTransaction(sql, async (tx) => {
    const dropped = await dropExpired(tx, defaultDays)
    const gone = await selectDropped(
      tx,
      dropped.map((run) => run.tenant_id),
    )
    const told = dropped.flatMap((run) =>
      tellsOf(run, gone.get(run.tenant_id) ?? []).map((details) => ({ run, details })),
    )
    await outboxInsert(
      tx,
      told.map(({ run, details }) =>
        events({
          type: 'audit.retention_run',
          context,
          tenantId: run.tenant_id as TenantId,
          resourceId: run.partition,
          statusCode: null,
          details,
        }),
      ),
    )
    return dropped
  })
  if (runs.length > 0) wakeRelay()
  return runs
}

function tellsOf({ lines, first_index, last_index, tree_size }: RetentionRun, gone: readonly SequenceRange[]) {
  const parts = Array.from({ length: Math.ceil(gone.length / RANGES) }, (_, at) =>
    gone.slice(at * RANGES, (at + 1) * RANGES),
  )
  return parts.map((ranges) => ({
    lines,
    first_index,
    last_index,
    tree_size,
    tenant_seq: ranges.map(([from, to]) => [from, to]),
  }))
}
