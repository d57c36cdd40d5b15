import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemFlight, tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { scopeOfIndex } from '../search/segment-repository.ts'
import { serviceContext } from '../service-context.ts'
import { deleteCapsule, selectDueCapsules } from './capsule-repository.ts'

type Deps = Pick<MemoryDeps, 'sql' | 'events' | 'relay'>

/** Removes up to `max` capsules whose time is over, and tells of each; gives how many. */
export async function removeDueCapsules(deps: Deps, max: number): Promise<number> {
  const [due] = await systemFlight(deps.sql, (tx) => [selectDueCapsules(tx, max)])
  let removed = 0
  for (const { tenant_id: tenantId, subject_id: subjectId, id } of due) {
    removed += await tenantTransaction(deps.sql, scopeOfIndex({ tenantId, subjectId }), async (tx) => {
      const gone = await deleteCapsule(tx, tenantId, id)
      // Another process was faster.
      if (gone.length === 0) return 0
      const context = serviceContext(tenantId, 'expiry')
      const details = { subject_id: subjectId }
      await outboxInsert(tx, [
        deps.events({ type: 'capsule.expired', context, resourceId: id, statusCode: null, details }),
      ])
      return 1
    })
  }
  if (removed > 0) deps.relay.wake()
  return removed
}
