import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { RebuildReason } from '../search/index-part.ts'
import { rebuiltEvent } from '../search/rebuilt-event.ts'
import type { SearchDeps } from '../search/search-deps.ts'
import { lockSegments, scopeOfIndex, type SubjectPlace } from '../search/segment-repository.ts'
import { VECTOR_FORMAT } from './vector-block.ts'
import { type BlockRow, deleteBlocks, restartSubject } from './vector-repository.ts'

/** Drops a block that cannot be used, and tells of it; its vectors are asked for again. One of a newer version of the program stays. */
export async function dropBlock(
  deps: SearchDeps,
  place: SubjectPlace,
  { block_id, model, format }: BlockRow,
  reason: RebuildReason,
): Promise<void> {
  if (format > VECTOR_FORMAT) return
  const told = { ...place, block: block_id, reason }
  if (reason === 'format') deps.log.info(told, 'vectors of another version are made anew')
  else deps.log.error(told, 'vectors cannot be used and are made anew')
  await tenantTransaction(deps.sql, scopeOfIndex(place), async (tx) => {
    const [, gone] = await Promise.all([
      lockSegments(tx, place),
      deleteBlocks(tx, place, [block_id]),
      restartSubject(tx, place, model),
    ])
    if (gone.length > 0) await outboxInsert(tx, [rebuiltEvent(deps, place, reason, gone.length)])
  })
  deps.relay.wake()
}
