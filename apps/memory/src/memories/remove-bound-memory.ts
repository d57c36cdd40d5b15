import type { Tx } from '@memoric/postgres/lease.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { withdrawSummaries } from '../policies/memory-summaries.ts'
import { removeFromSegments } from '../search/remove-from-segments.ts'
import { removeMemories } from './memory-removal-repository.ts'
import { lockSubjects } from './subject-lock-repository.ts'
import type { MemoryRow } from './memory-row.ts'
import { withFreshKeys } from './stale-keys.ts'

/**
 * Deletes something together with the memory that has its words, and what was made of that: `remove` deletes the former while the subject is locked, and gives its
 * event, or null when it was gone. Gives whether it was there.
 */
export async function removeBoundMemory(
  deps: MemoryDeps,
  context: RequestContext,
  row: Pick<MemoryRow, 'tenant_id' | 'subject_id' | 'id'>,
  remove: (tx: Tx) => Promise<OutboxEvent | null>,
): Promise<boolean> {
  const { tenant_id: tenantId, subject_id: subjectId, id } = row
  const place = { tenantId, subjectId }
  const gone = await withFreshKeys(deps, row, () =>
    deps.keys.forReading(tenantId, subjectId, (keys) =>
      tenantTransaction(deps.sql, scopeOf(context.caller), async (tx) => {
        await lockSubjects(tx, tenantId, [{ subjectId, keyVersion: keys?.index.current().id ?? null }])
        const event = await remove(tx)
        if (event === null) return null
        const removed = await removeMemories(tx, tenantId, subjectId, [id])
        const events = removed.map(({ version }) => {
          const details = { subject_id: subjectId, version }
          return deps.events({ type: 'memory.deleted', context, resourceId: id, statusCode: 204, details })
        })
        await outboxInsert(tx, [event, ...events])
        const made = await withdrawSummaries(tx, deps, context, place, removed)
        await removeFromSegments(tx, keys, place, [...removed, ...made])
        return [...removed, ...made]
      }),
    ),
  )
  if (gone === null) return false
  deps.relay.wake()
  for (const { size } of gone) deps.quotas.add(tenantId, { memories: -1, bytes: -size })
  return true
}
