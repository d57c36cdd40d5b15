import type { MemoryId } from '@memoric/contracts/ids.ts'
import type { CreateMemory } from '@memoric/contracts/memory-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { withdrawSummaries } from '../policies/memory-summaries.ts'
import type { Provenance } from '../provenance/provenance.ts'
import { requireRoom } from '../quotas/single-write-quotas.ts'
import { type Amount, plus } from '../quotas/quota-rules.ts'
import type { TenantUsage } from '../quotas/tenant-usage.ts'
import { removeFromSegments } from '../search/remove-from-segments.ts'
import { draftMemory, fingerprintOfRecord } from './memory-draft.ts'
import { replaceMemory, writeEntries } from './memory-repository.ts'
import { mergeDrafts } from './merge-drafts.ts'
import type { MemoryRow } from './memory-row.ts'
import { type PrivateAttributes, sealAttributes } from './private-attributes.ts'
import { eventsOf } from './write-fates.ts'

/** The memory that has the words of something else, which has the same id. */
export interface BoundMemory {
  readonly id: MemoryId
  readonly input: CreateMemory
  readonly now: Date
  /** Of a version that changes some of the words; that of the input when left out. */
  readonly provenance?: Provenance | null
}

/** What was written of it. */
export interface WrittenBound {
  readonly added: Amount
  readonly change: number
  readonly attributes: PrivateAttributes
  readonly updatedAt: Date
  /** Position in TRUST_LEVELS. */
  readonly trust: number
}

/** Makes the memory with its event. The subject is locked. Throws OVER_QUOTA, AppError `quota_exceeded`. */
export async function makeBoundMemory(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  { id, input, now }: BoundMemory,
  usage: TenantUsage,
): Promise<WrittenBound> {
  const draft = { ...draftMemory(context.caller, input, keys, now, id), fingerprint: fingerprintOfRecord(keys, id) }
  const added = { memories: 1, bytes: draft.sealed.length }
  requireRoom(usage, added)
  const { subjectId, namespace, threadId, sessionId, tier } = draft
  const details = { subject_id: subjectId, namespace, thread_id: threadId, session_id: sessionId, tier }
  const made = deps.events({ type: 'memory.created', context, resourceId: id, statusCode: 201, details })
  const { entries, asks } = mergeDrafts([draft])
  const told = eventsOf([{ draft, made, reinforced: made }], asks)
  const [row] = await writeEntries(tx, context.caller.tenantId, entries, told, usage.limits.subject)
  if (row === undefined) throw new AppError('write_conflict')
  return {
    added,
    change: row.change,
    attributes: draft.attributes,
    updatedAt: row.updated_at,
    trust: draft.provenance.trust,
  }
}

/**
 * Writes the next version of the memory with its event, and takes back what was made of the one before. The subject is locked. Throws OVER_QUOTA, AppError `quota_exceeded`,
 * `write_conflict` when `before` is not the current version.
 */
export async function replaceBoundMemory(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  before: MemoryRow,
  { id, input, now, provenance }: BoundMemory,
  usage: TenantUsage,
): Promise<WrittenBound> {
  const draft = draftMemory(context.caller, input, keys, now, id)
  const { attributes, importance, occurredAt } = draft
  const version = before.version + 1
  const place = { tenantId: before.tenant_id, subjectId: before.subject_id, memoryId: before.id, version }
  const next = {
    tier: before.tier,
    importance,
    occurredAt,
    expiresAt: before.expires_at,
    fingerprint: fingerprintOfRecord(keys, id),
    sealed: sealAttributes(keys.content.current(), place, attributes),
    provenance: provenance ?? draft.provenance,
  }
  const added = { memories: 0, bytes: next.sealed.length }
  requireRoom(usage, added)
  const [row] = await replaceMemory(tx, before, next, usage.limits.subject)
  if (row === undefined) throw new AppError('write_conflict')
  const details = { subject_id: row.subject_id, version, fields: ['content'] }
  await outboxInsert(tx, [
    deps.events({ type: 'memory.updated', context, resourceId: row.id, statusCode: 200, details }),
  ])
  const subject = { tenantId: row.tenant_id, subjectId: row.subject_id }
  const gone = await withdrawSummaries(tx, deps, context, subject, [before])
  if (gone.length > 0) await removeFromSegments(tx, keys, subject, gone)
  const less = gone.map(({ size }) => ({ memories: -1, bytes: -size }))
  const { trust } = next.provenance
  return { added: less.reduce(plus, added), change: row.change, attributes, updatedAt: row.updated_at, trust }
}
