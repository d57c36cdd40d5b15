import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { standingView } from '../provenance/provenance-view.ts'
import { findHandoff, viewOf, withKeysOfHandoff } from './find-handoff.ts'

type Get = RouteTable['getHandoff']

/** Throws AppError `handoff_not_found`, `consent_withdrawn`. */
export async function getHandoff(deps: MemoryDeps, { params, context }: Call<Get>): Promise<RouteOutput<Get>> {
  const row = await findHandoff(deps, context, params.id)
  const { caller } = context
  const [[memory]] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    selectMemories(tx, caller.tenantId, [row.id]),
  ])
  const { standing } = standingView(memory ?? { standing: 1, withheld: null })
  const body = await withKeysOfHandoff(deps, row, (keys) => ({ ...viewOf(keys, row), standing }))
  const details = { subject_id: row.subject_id, version: row.version }
  deps.reads.record({ type: 'handoff.read', context, resourceId: row.id, details })
  return { status: 200, body }
}
