import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { RebuildReason } from './index-part.ts'
import { rebuiltEvent } from './rebuilt-event.ts'
import type { SearchDeps } from './search-deps.ts'
import { deleteAllSegments, lockSegments, scopeOfIndex, type SubjectPlace } from './segment-repository.ts'

/** Removes every stored segment of a subject, and tells of it. Whoever loads the index next builds it from the rows. */
export async function dropSegments(
  deps: Pick<SearchDeps, 'sql' | 'events' | 'relay'>,
  place: SubjectPlace,
  reason: RebuildReason | 'requested',
  actor?: string,
): Promise<void> {
  await tenantTransaction(deps.sql, scopeOfIndex(place), async (tx) => {
    const [, gone] = await Promise.all([lockSegments(tx, place), deleteAllSegments(tx, place)])
    await outboxInsert(tx, [rebuiltEvent(deps, place, reason, gone.length, actor)])
  })
  deps.relay.wake()
}
