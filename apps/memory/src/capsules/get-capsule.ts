import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { capsuleView } from './capsule-row.ts'
import { findCapsule, withKeysOfCapsule } from './find-capsule.ts'

type Get = RouteTable['getCapsule']

/** What a capsule is. Throws AppError `capsule_not_found`, `consent_withdrawn`. */
export async function getCapsule(deps: MemoryDeps, { params, context }: Call<Get>): Promise<RouteOutput<Get>> {
  const row = await findCapsule(deps, context.caller, params.id)
  const body = await withKeysOfCapsule(deps, row, (keys) => capsuleView(keys, row))
  const details = { subject_id: row.subject_id }
  deps.reads.record({ type: 'capsule.read', context, resourceId: row.id, details })
  return { status: 200, body }
}
