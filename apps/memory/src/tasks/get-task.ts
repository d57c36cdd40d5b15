import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { findTask, showTask } from './find-task.ts'

type Get = RouteTable['getTask']

/** Throws AppError `task_not_found`, `consent_withdrawn`. */
export async function getTask(deps: MemoryDeps, { params, context }: Call<Get>): Promise<RouteOutput<Get>> {
  const row = await findTask(deps, context, params.id)
  const body = await showTask(deps, row)
  const details = { subject_id: row.subject_id, version: row.version }
  deps.reads.record({ type: 'task.read', context, resourceId: row.id, details })
  return { status: 200, body, headers: { etag: `"${row.version}"` } }
}
