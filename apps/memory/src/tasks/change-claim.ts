import type { Task } from '@memoric/contracts/task-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { findTask, showTask } from './find-task.ts'
import { selectTask } from './task-repository.ts'
import type { TaskRow } from './task-row.ts'

/** A change of the claim on a task: whether there was one to make, and what is told and refused. */
export interface ClaimChange {
  /** Nothing when the task is in no state for it. */
  readonly change: (tx: Tx, tenantId: string, id: string) => PromiseLike<readonly unknown[]>
  readonly event: (row: TaskRow) => OutboxEvent
  readonly refusal: (row: TaskRow) => AppError
}

/**
 * Changes the claim on a task in one statement, whose condition decides between all who try. Throws AppError `task_not_found`,
 * `consent_withdrawn`, and what the change refuses with.
 */
export async function changeClaim(
  deps: MemoryDeps,
  context: RequestContext,
  id: string,
  { change, event, refusal }: ClaimChange,
): Promise<Task> {
  const { tenantId } = context.caller
  // Refuses what the caller may not read before anything is changed.
  await showTask(deps, await findTask(deps, context, id))
  const row = await tenantTransaction(deps.sql, scopeOf(context.caller), async (tx) => {
    const [changed] = await change(tx, tenantId, id)
    const [after] = await selectTask(tx, tenantId, id)
    if (after === undefined) throw new AppError('task_not_found')
    if (changed === undefined) throw refusal(after)
    await outboxInsert(tx, [event(after)])
    return after
  })
  deps.relay.wake()
  return showTask(deps, row)
}

/** Why somebody does not hold a task that they thought to hold. */
export function notHeld({ state }: TaskRow): AppError {
  return new AppError(state === 'done' || state === 'cancelled' ? 'task_ended' : 'task_not_claimed', { detail: state })
}
