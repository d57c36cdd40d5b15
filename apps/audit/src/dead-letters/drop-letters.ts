import { PLATFORM_TENANT, type TenantId } from '@memoric/contracts/ids.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { EventContext, EventFactory } from '@memoric/service/event-factory.ts'
import { type DroppedLetters, dropOldLetters } from './dead-letter-repository.ts'

export interface DroppingDeps {
  readonly sql: Sql
  readonly events: EventFactory
  readonly wakeRelay: () => void
}

const BATCH = 5000

/** Drops dead letters whose time is over; each tenant is told how many of its own, in the same transaction. Gives how many went. */
export async function dropLetters(deps: DroppingDeps, days: number, context: EventContext): Promise<number> {
  let dropped = 0
  for (let batch = BATCH; batch === BATCH;) {
    batch = await dropSome(deps, days, context)
    dropped += batch
  }
  if (dropped > 0) deps.wakeRelay()
  return dropped
}

function dropSome({ sql, events }: DroppingDeps, days: number, context: EventContext): Promise<number> {
  return systemTransaction(sql, async (tx) => {
    const gone = await dropOldLetters(tx, days, BATCH)
    await outboxInsert(
      tx,
      gone.map((letters) => droppedEvent(events, context, letters)),
    )
    return gone.reduce((sum, { letters }) => sum + letters, 0)
  })
}

function droppedEvent(events: EventFactory, context: EventContext, { tenantId, letters, waiting }: DroppedLetters) {
  return events({
    type: 'audit.dead_letters_dropped',
    context,
    // From a row of that tenant.
    tenantId: (tenantId ?? PLATFORM_TENANT) as TenantId,
    resourceId: null,
    statusCode: null,
    details: { letters, waiting },
  })
}
