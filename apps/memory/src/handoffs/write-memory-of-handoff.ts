import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { draftMemory, fingerprintOf, type MemoryDraft } from '../memories/memory-draft.ts'
import { replaceMemory, selectMemories, writeEntries } from '../memories/memory-repository.ts'
import { mergeDrafts } from '../memories/merge-drafts.ts'
import type { MemoryRow } from '../memories/memory-row.ts'
import { sealAttributes } from '../memories/private-attributes.ts'
import { eventsOf } from '../memories/write-fates.ts'
import type { TenantUsage } from '../quotas/tenant-usage.ts'
import type { WrittenHandoff } from './create-handoff.ts'
import type { HandoffParts } from './handoff-box.ts'
import { memoryOfHandoff } from './handoff-memory.ts'
import { requireRoom } from './handoff-quotas.ts'
import type { HandoffRow } from './handoff-row.ts'

type Added = Pick<WrittenHandoff, 'added' | 'change'>

/**
 * Writes the memory by which a handoff is found, or its next version; a memory that has gone meanwhile, for its time was over, is made
 * anew. The subject is locked. Throws OVER_QUOTA, AppError `quota_exceeded`.
 */
export async function writeMemoryOfHandoff(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  handoff: HandoffRow,
  parts: HandoffParts,
  usage: TenantUsage,
): Promise<Added> {
  const { tenant_id: tenantId, id, subject_id: subjectId, namespace, session_id: sessionId } = handoff
  const { significance, occurred_at: occurredAt } = handoff
  const input = memoryOfHandoff({ subjectId, namespace, sessionId, significance, occurredAt }, parts)
  const draft = draftMemory(context.caller, input, keys, handoff.updated_at, id)
  const [before] = handoff.version === 1 ? [] : await selectMemories(tx, tenantId, [id])
  return before === undefined
    ? make(tx, deps, context, draft, usage)
    : replace(tx, deps, context, keys, before, draft, usage)
}

async function make(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  draft: MemoryDraft,
  usage: TenantUsage,
): Promise<Added> {
  const added = { memories: 1, bytes: draft.sealed.length }
  requireRoom(usage, added)
  const { id, subjectId, namespace, threadId, sessionId, tier } = draft
  const details = { subject_id: subjectId, namespace, thread_id: threadId, session_id: sessionId, tier }
  const made = deps.events({ type: 'memory.created', context, resourceId: id, statusCode: 201, details })
  const { entries, asks } = mergeDrafts([draft])
  const told = eventsOf([{ draft, made, reinforced: made }], asks)
  const [row] = await writeEntries(tx, context.caller.tenantId, entries, told, usage.limits.subject)
  if (row === undefined) throw new AppError('write_conflict')
  return { added, change: row.change }
}

async function replace(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  before: MemoryRow,
  draft: MemoryDraft,
  usage: TenantUsage,
): Promise<Added> {
  const version = before.version + 1
  const place = { tenantId: before.tenant_id, subjectId: before.subject_id, memoryId: before.id, version }
  const { content } = draft.attributes
  const next = {
    tier: before.tier,
    importance: draft.importance,
    occurredAt: draft.occurredAt,
    expiresAt: before.expires_at,
    fingerprint: fingerprintOf(keys, { namespace: before.namespace, threadId: before.thread_id, content }),
    sealed: sealAttributes(keys.content.current(), place, draft.attributes),
  }
  const added = { memories: 0, bytes: next.sealed.length }
  requireRoom(usage, added)
  const [row] = await replaceMemory(tx, before, next, usage.limits.subject)
  if (row === undefined) throw new AppError('write_conflict')
  const details = { subject_id: row.subject_id, version, fields: ['content'] }
  await outboxInsert(tx, [
    deps.events({ type: 'memory.updated', context, resourceId: row.id, statusCode: 200, details }),
  ])
  return { added, change: row.change }
}
