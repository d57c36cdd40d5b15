import type { Task } from '@memoric/contracts/task-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import type { SingleWrite } from '../memories/single-write.ts'
import { replaceBoundMemory } from '../memories/write-bound-memory.ts'
import { changedProvenance, type Stated } from '../provenance/provenance.ts'
import type { TenantUsage } from '../quotas/tenant-usage.ts'
import { memoryOfTask } from './task-memory.ts'
import type { TaskRow } from './task-row.ts'

/** Writes the next version of what a task says. The subject is locked. Throws as replaceBoundMemory. */
export async function rewriteTask(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  row: TaskRow,
  { title, description, with_whom: withWhom, result, priority, tags }: Task,
  usage: TenantUsage,
  stated: Stated = {},
): Promise<SingleWrite> {
  const { tenant_id: tenantId, id, subject_id: subjectId, namespace, created_at: createdAt } = row
  const [memory] = await selectMemories(tx, tenantId, [id])
  if (memory === undefined) throw new AppError('task_not_found')
  const words = { title, description, result, withWhom }
  const input = memoryOfTask({ subjectId, namespace, priority, tags, createdAt, tier: memory.tier }, words)
  const provenance = changedProvenance(context.caller, memory, { content: input.content, ...stated })
  const { added, change } = await replaceBoundMemory(
    tx,
    deps,
    context,
    keys,
    memory,
    { id, input, now: deps.now(), provenance },
    usage,
  )
  return { added, change }
}
