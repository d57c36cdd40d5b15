import type { Tier } from '@memoric/contracts/memory-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { makeBoundMemory, replaceBoundMemory, type WrittenBound } from '../memories/write-bound-memory.ts'
import type { Stated } from '../provenance/provenance.ts'
import type { TenantUsage } from '../quotas/tenant-usage.ts'
import type { HandoffParts } from './handoff-box.ts'
import { memoryOfHandoff } from './handoff-memory.ts'
import type { HandoffRow } from './handoff-row.ts'

/**
 * Writes the memory by which a handoff is found, or its next version; a memory that has gone meanwhile, for its time was over, is made
 * anew. The subject is locked. Throws as makeBoundMemory.
 */
export async function writeMemoryOfHandoff(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  handoff: HandoffRow,
  { parts, tier, stated }: { readonly parts: HandoffParts; readonly tier: Tier; readonly stated: Stated },
  usage: TenantUsage,
): Promise<WrittenBound> {
  const { tenant_id: tenantId, id, subject_id: subjectId, namespace, session_id: sessionId } = handoff
  const { significance, occurred_at: occurredAt } = handoff
  const input = memoryOfHandoff({ subjectId, namespace, sessionId, significance, occurredAt, tier }, parts)
  const memory = { id, input: { ...input, ...stated }, now: handoff.updated_at }
  const [before] = handoff.version === 1 ? [] : await selectMemories(tx, tenantId, [id])
  if (before === undefined) return makeBoundMemory(tx, deps, context, keys, memory, usage)
  return replaceBoundMemory(tx, deps, context, keys, before, memory, usage)
}
