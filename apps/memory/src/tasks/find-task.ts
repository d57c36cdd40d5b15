import type { Task } from '@memoric/contracts/task-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { openRow } from '../memories/memory-row.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import { selectTask } from './task-repository.ts'
import { type TaskRow, taskView } from './task-row.ts'

/** The task with this id that the caller may see. Throws AppError `task_not_found`. */
export async function findTask(
  { sql }: Pick<MemoryDeps, 'sql'>,
  { caller }: RequestContext,
  id: string,
): Promise<TaskRow> {
  const [[row]] = await tenantFlight(sql, scopeOf(caller), (tx) => [selectTask(tx, caller.tenantId, id)])
  if (row === undefined) throw new AppError('task_not_found')
  return row
}

/** A task as callers see it. Throws AppError `consent_withdrawn`; `task_not_found` when its keys are gone. */
export function showTask({ keys: store }: Pick<MemoryDeps, 'keys'>, row: TaskRow): Promise<Task> {
  return store.forReading(row.tenant_id, row.subject_id, (keys) => {
    if (keys === null) throw new AppError('task_not_found')
    requireProcessing(keys)
    return taskView(row, openRow(keys, row))
  })
}
