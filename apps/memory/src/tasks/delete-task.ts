import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { removeBoundMemory } from '../memories/remove-bound-memory.ts'
import { findTask } from './find-task.ts'
import { taskEvent } from './task-event.ts'
import { removeTask } from './task-repository.ts'

type Delete = RouteTable['deleteTask']

/** Deletes a task with its versions and its memory. Throws AppError `task_not_found`. */
export async function deleteTask(deps: MemoryDeps, { params, context }: Call<Delete>): Promise<RouteOutput<Delete>> {
  const row = await findTask(deps, context, params.id)
  const wasThere = await removeBoundMemory(deps, context, row, async (tx) => {
    const [gone] = await removeTask(tx, row.tenant_id, row.id)
    return gone === undefined ? null : taskEvent(deps, context, 'task.deleted', row, { version: row.version }, 204)
  })
  if (!wasThere) throw new AppError('task_not_found')
  return { status: 204, body: null }
}
