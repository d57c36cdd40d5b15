import type { MemoryId } from '@memoric/contracts/ids.ts'
import { DEFAULT_NAMESPACE, DEFAULT_SUBJECT, type Tier } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { CreateTask, Task } from '@memoric/contracts/task-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { namespaceFor, subjectFor } from '@memoric/service/caller-limits.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { REPLAYED } from '../idempotency/idempotency.ts'
import { type Claim, insertKept } from '../idempotency/idempotency-repository.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { type SingleWrite, singleWrite } from '../memories/single-write.ts'
import { makeBoundMemory } from '../memories/write-bound-memory.ts'
import { lastingTier } from '../policies/lasting-tier.ts'
import { nameFingerprint } from '../persons/name-fingerprint.ts'
import { statedOf } from '../provenance/stated-of.ts'
import type { TenantUsage } from '../quotas/tenant-usage.ts'
import { findTask, showTask } from './find-task.ts'
import { principalOf, taskEvent } from './task-event.ts'
import { memoryOfTask } from './task-memory.ts'
import { insertTask, selectTaskIds } from './task-repository.ts'
import { taskView } from './task-row.ts'

type Create = RouteTable['createTask']

interface Place {
  readonly subjectId: string
  readonly namespace: string
}

/**
 * Writes a task down. Throws AppError `subject_not_allowed`, `namespace_not_allowed`, `rule_violated`, as singleWrite, and as
 * Idempotency.run.
 */
export function createTask(deps: MemoryDeps, { body, headers, context }: Call<Create>): Promise<RouteOutput<Create>> {
  const { caller } = context
  const place = {
    subjectId: subjectFor(caller, body.subject_id, DEFAULT_SUBJECT),
    namespace: namespaceFor(caller, body.namespace, DEFAULT_NAMESPACE),
  }
  return deps.idempotency.run(
    { context, key: headers['idempotency-key'], text: JSON.stringify(body), subjectId: place.subjectId },
    {
      first: async (claim) => {
        const tier = lastingTier((await deps.policies.of(caller.tenantId)).document)
        const { view } = await singleWrite(deps, context, place.subjectId, (tx, keys, usage) =>
          write(tx, deps, context, keys, { ...place, tier }, body, claim, usage),
        )
        return made(view)
      },
      again: async ({ items: [kept] }) => {
        if (kept === undefined || 'refused' in kept) throw new Error('a request that was kept without a task')
        const row = await findTask(deps, context, kept.id).catch((error: unknown) => {
          if (!(error instanceof AppError) || error.code !== 'task_not_found') throw error
          throw new AppError('memory_gone', { detail: kept.id, headers: REPLAYED })
        })
        return made(await showTask(deps, row), REPLAYED)
      },
    },
  )
}

function made(task: Task, more: Readonly<Record<string, string>> = {}): RouteOutput<Create> {
  return { status: 201, body: task, headers: { location: `/v1/tasks/${task.id}`, ...more } }
}

async function write(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  { subjectId, namespace, tier }: Place & { readonly tier: Tier },
  body: CreateTask,
  claim: Claim | null,
  usage: TenantUsage,
): Promise<SingleWrite & { readonly view: Task }> {
  const { tenantId } = context.caller
  const now = deps.now()
  // Made as one.
  const id = uuidV7() as MemoryId
  // First: a request that was done before must not be judged by what has become of the others.
  if (claim !== null) await insertKept(tx, tenantId, claim, [{ id, version: 1, count: 1, made: true }])
  await requireTasks(tx, tenantId, { subjectId, namespace }, body.depends_on)
  const { title, description = null, with_whom: withWhom = null, priority, tags, due_at } = body
  const row = {
    tenant_id: tenantId,
    id,
    subject_id: subjectId,
    namespace,
    priority,
    due_at: due_at === undefined ? null : new Date(due_at),
    with_whom: withWhom === null ? null : nameFingerprint(keys, withWhom),
    depends_on: body.depends_on,
    created_at: now,
    written_by: principalOf(context),
  }
  const input = memoryOfTask(
    { subjectId, namespace, priority, tags, createdAt: now, tier },
    { title, description, result: null, withWhom },
  )
  const bound = await makeBoundMemory(
    tx,
    deps,
    context,
    keys,
    { id, input: { ...input, ...statedOf(body) }, now },
    usage,
  )
  await Promise.all([insertTask(tx, row), outboxInsert(tx, [taskEvent(deps, context, 'task.created', row, {}, 201)])])
  const fresh = { ...row, ...UNCLAIMED, version: 1, updated_at: bound.updatedAt, trust: bound.trust }
  return { added: bound.added, change: bound.change, view: taskView(fresh, bound.attributes) }
}

const UNCLAIMED = {
  state: 'open',
  claim_id: null,
  claimed_by: null,
  claimed_for: null,
  claimed_at: null,
  claimed_until: null,
  times_claimed: 0,
  ended_at: null,
  ended_by: null,
  standing: 1,
  withheld: null,
} as const

/** Throws AppError `rule_violated` for what is no task of the same place: a circle cannot come about, since tasks name older ones. */
async function requireTasks(
  tx: Tx,
  tenantId: string,
  { subjectId, namespace }: Place,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return
  const known = new Set((await selectTaskIds(tx, { tenantId, subjectId }, namespace, ids)).map(({ id }) => id))
  const message = 'must be a task of the same subject and namespace'
  const errors = ids.flatMap((id, at) => (known.has(id) ? [] : [{ pointer: `/depends_on/${at}`, message }]))
  if (errors.length > 0) throw new AppError('rule_violated', { errors })
}
