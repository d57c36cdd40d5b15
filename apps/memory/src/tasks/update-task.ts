import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Task, UpdateTask } from '@memoric/contracts/task-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { checkVersion } from '../memories/find-memory.ts'
import { openRow } from '../memories/memory-row.ts'
import { type SingleWrite, singleWrite } from '../memories/single-write.ts'
import { nameFingerprint } from '../persons/name-fingerprint.ts'
import { statedOf } from '../provenance/stated-of.ts'
import type { TenantUsage } from '../quotas/tenant-usage.ts'
import { findTask } from './find-task.ts'
import { principalOf, taskEvent } from './task-event.ts'
import { cancelTask, selectTask, updateTaskOf } from './task-repository.ts'
import { type TaskRow, taskView } from './task-row.ts'
import { rewriteTask } from './rewrite-task.ts'

type Update = RouteTable['updateTask']

/**
 * Changes or cancels a task that has not ended. Throws AppError `task_not_found`, `version_mismatch`, `task_ended`, and as
 * singleWrite.
 */
export async function updateTask(deps: MemoryDeps, call: Call<Update>): Promise<RouteOutput<Update>> {
  const { params, headers, body, context } = call
  const { subject_id: subjectId } = await findTask(deps, context, params.id)
  const { view } = await singleWrite(deps, context, subjectId, (tx, keys, usage) =>
    change(tx, deps, context, keys, params.id, body, headers['if-match'], usage),
  )
  return { status: 200, body: view, headers: { etag: `"${view.version}"` } }
}

/** The subject is locked, so nobody else writes what the task says; claims come and go. */
async function change(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  id: string,
  body: UpdateTask,
  expected: number | undefined,
  usage: TenantUsage,
): Promise<SingleWrite & { readonly view: Task }> {
  const { tenantId } = context.caller
  const [row] = await selectTask(tx, tenantId, id)
  if (row === undefined) throw new AppError('task_not_found')
  checkVersion(row, expected)
  const before = taskView(row, openRow(keys, row))
  const [updated] = await updateTaskOf(tx, changedRow(context, keys, row, body))
  if (updated === undefined) throw new AppError('task_ended')
  if (body.state === 'cancelled') await cancelTask(tx, tenantId, id, principalOf(context))
  const written = await rewriteTask(tx, deps, context, keys, row, changedTask(before, body), usage, statedOf(body))
  const type = body.state === 'cancelled' ? 'task.cancelled' : 'task.updated'
  const details = { version: row.version + 1, fields: Object.keys(body) }
  await outboxInsert(tx, [taskEvent(deps, context, type, row, details)])
  const [after] = await selectTask(tx, tenantId, id)
  if (after === undefined) throw new AppError('task_not_found')
  return { ...written, view: taskView(after, openRow(keys, after)) }
}

function changedRow(context: RequestContext, keys: SubjectKeys, row: TaskRow, body: UpdateTask) {
  const { priority = row.priority, due_at, with_whom } = body
  return {
    tenant_id: row.tenant_id,
    id: row.id,
    priority,
    due_at: due_at === undefined ? row.due_at : due_at === null ? null : new Date(due_at),
    with_whom: with_whom === undefined ? row.with_whom : with_whom === null ? null : nameFingerprint(keys, with_whom),
    written_by: principalOf(context),
  }
}

function changedTask(before: Task, { title, description, with_whom, priority, tags }: UpdateTask): Task {
  return {
    ...before,
    title: title ?? before.title,
    description: description === undefined ? before.description : description,
    with_whom: with_whom === undefined ? before.with_whom : with_whom,
    priority: priority ?? before.priority,
    tags: tags ?? before.tags,
  }
}
