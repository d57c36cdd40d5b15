import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { editView, openEdit } from './edit-row.ts'
import { findEdit, withKeysOfEdit } from './find-edit.ts'

type Get = RouteTable['getEdit']

/** One edit by its id. Throws AppError `edit_not_found`, `consent_withdrawn`. */
export async function getEdit(deps: MemoryDeps, { params, context }: Call<Get>): Promise<RouteOutput<Get>> {
  const row = await findEdit(deps, context, params.id)
  const body = await withKeysOfEdit(deps, row, (keys) => editView(row, openEdit(keys, row)))
  const details = { subject_id: row.subject_id, memory_id: row.memory_id }
  deps.reads.record({ type: 'edit.read', context, resourceId: row.id, details })
  return { status: 200, body }
}
