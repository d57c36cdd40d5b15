import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { findMemory, withKeysOf } from './find-memory.ts'
import { memoryView, openRow } from './memory-row.ts'

type Get = RouteTable['getMemory']

/** One memory by its id. Throws AppError `memory_not_found`. */
export async function getMemory(deps: MemoryDeps, { params, context }: Call<Get>): Promise<RouteOutput<Get>> {
  const row = await findMemory(deps, context, params.id)
  const body = await withKeysOf(deps, row, (keys) => memoryView(row, openRow(keys, row)))
  deps.reads.record({ type: 'memory.read', context, resourceId: row.id, details: { subject_id: row.subject_id } })
  return { status: 200, body, headers: { etag: `"${row.version}"` } }
}
