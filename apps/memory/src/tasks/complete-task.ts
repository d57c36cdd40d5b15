import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { CompleteTask, Task } from '@memoric/contracts/task-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { openRow } from '../memories/memory-row.ts'
import { type SingleWrite, singleWrite } from '../memories/single-write.ts'
import { NOTHING } from '../quotas/quota-rules.ts'
import type { TenantUsage } from '../quotas/tenant-usage.ts'
import { notHeld } from './change-claim.ts'
import { findTask } from './find-task.ts'
import { rewriteTask } from './rewrite-task.ts'
import { principalOf, taskEvent } from './task-event.ts'
import { completeClaimed, selectTask } from './task-repository.ts'
import { taskView } from './task-row.ts'

type Complete = RouteTable['completeTask']

/**
 * Completes a task that the caller holds. Throws AppError `task_not_found`, `task_not_claimed`, `task_ended`, and as singleWrite.
 */
export async function completeTask(deps: MemoryDeps, call: Call<Complete>): Promise<RouteOutput<Complete>> {
  const { params, body, context } = call
  const { subject_id: subjectId } = await findTask(deps, context, params.id)
  const { view } = await singleWrite(deps, context, subjectId, (tx, keys, usage) =>
    complete(tx, deps, context, keys, params.id, body, usage),
  )
  return { status: 200, body: view }
}

async function complete(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  id: string,
  { claim_id: claimId, result }: CompleteTask,
  usage: TenantUsage,
): Promise<SingleWrite & { readonly view: Task }> {
  const { tenantId } = context.caller
  const [completed] = await completeClaimed(tx, tenantId, id, { by: principalOf(context), claimId })
  const [row] = await selectTask(tx, tenantId, id)
  if (row === undefined) throw new AppError('task_not_found')
  if (completed === undefined) throw notHeld(row)
  const done = taskView(row, openRow(keys, row))
  const details = { times_claimed: row.times_claimed, has_result: result !== undefined }
  await outboxInsert(tx, [taskEvent(deps, context, 'task.completed', row, details)])
  if (result === undefined) return { added: NOTHING, change: null, view: done }
  const written = await rewriteTask(tx, deps, context, keys, row, { ...done, result }, usage)
  const [after = row] = await selectTask(tx, tenantId, id)
  return { ...written, view: taskView(after, openRow(keys, after)) }
}
