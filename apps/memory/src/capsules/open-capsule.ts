import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectAsWritten } from '../memories/memory-read-repository.ts'
import { memoryView, type MemoryRow, openRow } from '../memories/memory-row.ts'
import { nameOf } from '../provenance/provenance.ts'
import { scopeOfIndex } from '../search/segment-repository.ts'
import { selectShared } from './capsule-repository.ts'
import type { CapsuleRow } from './capsule-row.ts'
import { findCapsule, withKeysOfCapsule } from './find-capsule.ts'

type Open = RouteTable['openCapsule']

/**
 * The memories of a capsule. Each opening is told before anything is answered. Who only made it, or looks after capsules, does not
 * open it. Throws AppError `capsule_not_found`, `consent_withdrawn`.
 */
export async function openCapsule(deps: MemoryDeps, { params, context }: Call<Open>): Promise<RouteOutput<Open>> {
  const { caller } = context
  const capsule = await findCapsule(deps, caller, params.id)
  if (!capsule.audience.includes(nameOf(caller))) throw new AppError('capsule_not_found')
  const items = await withKeysOfCapsule(deps, capsule, async (keys) => {
    const rows = await read(deps, context, capsule)
    return rows.map((row) => memoryView(row, openRow(keys, row)))
  })
  deps.relay.wake()
  return { status: 200, body: { items } }
}

/** What of it is there in the version that was shared, and is not withheld. */
function read(deps: MemoryDeps, context: Call<Open>['context'], capsule: CapsuleRow): Promise<MemoryRow[]> {
  const { tenant_id: tenantId, subject_id: subjectId, id } = capsule
  return tenantTransaction(deps.sql, scopeOfIndex({ tenantId, subjectId }), async (tx) => {
    const shared = await selectShared(tx, tenantId, id)
    const ids = shared.map(({ memory_id }) => memory_id)
    const versions = shared.map(({ version }) => version)
    const order = new Map<string, number>(ids.map((each, nth) => [each, nth]))
    const found = await selectAsWritten(tx, tenantId, ids, versions)
    const rows = found
      .filter(({ subject_id, standing }) => subject_id === subjectId && standing > 0)
      .sort((one, other) => (order.get(one.id) ?? 0) - (order.get(other.id) ?? 0))
    const details = { subject_id: subjectId, memory_ids: rows.map((row) => row.id) }
    await outboxInsert(tx, [deps.events({ type: 'capsule.opened', context, resourceId: id, statusCode: 200, details })])
    return rows
  })
}
