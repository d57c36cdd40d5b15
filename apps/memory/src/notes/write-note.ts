import type { MemoryId } from '@memoric/contracts/ids.ts'
import type { Tier } from '@memoric/contracts/memory-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import { type Claim, insertKept } from '../idempotency/idempotency-repository.ts'
import { settleStanding } from '../edits/settle-standing.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { type SingleWrite, singleWrite } from '../memories/single-write.ts'
import { makeBoundMemory } from '../memories/write-bound-memory.ts'
import { lastingTier } from '../policies/lasting-tier.ts'
import { nameFingerprint } from '../persons/name-fingerprint.ts'
import type { TenantUsage } from '../quotas/tenant-usage.ts'
import { noteEvent } from './note-event.ts'
import { type KindOfNote, memoryOfNote, type NoteDraft, type NotePlace } from './note-kind.ts'
import { insertNote, markSuperseded } from './note-repository.ts'
import type { NoteRow } from './note-row.ts'
import { requireSources } from './require-sources.ts'

/** A note to write, where to, and in whose place. */
export interface NoteOrder {
  readonly place: NotePlace
  readonly draft: NoteDraft
  readonly supersedes: Pick<NoteRow, 'id' | 'subject_id' | 'namespace' | 'version'> | null
}

interface WrittenNote<V> extends SingleWrite {
  readonly view: V
  readonly id: MemoryId
}

/**
 * Writes a note with its memory and its events; what it supersedes is marked in the same transaction. Throws AppError `rule_violated`,
 * `already_superseded`, and as singleWrite.
 */
export async function writeNote<V>(
  deps: MemoryDeps,
  context: RequestContext,
  kind: KindOfNote<V>,
  order: NoteOrder,
  claim: Claim | null,
): Promise<WrittenNote<V>> {
  const tier = lastingTier((await deps.policies.of(context.caller.tenantId)).document)
  return singleWrite(deps, context, order.place.subjectId, (tx, keys, usage) =>
    write(tx, deps, context, kind, keys, order, tier, claim, usage),
  )
}

async function write<V>(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  kind: KindOfNote<V>,
  keys: SubjectKeys,
  { place, draft, supersedes }: NoteOrder,
  tier: Tier,
  claim: Claim | null,
  usage: TenantUsage,
): Promise<WrittenNote<V>> {
  const { tenantId, principal } = context.caller
  const now = deps.now()
  // Made as one.
  const id = uuidV7() as MemoryId
  // First: a request that was done before must not be judged by what it did.
  if (claim !== null) await insertKept(tx, tenantId, claim, [{ id, version: 1, count: 1, made: true }])
  await requireSources(tx, { tenantId, subjectId: place.subjectId }, draft.sources)
  if (supersedes !== null) await supersede(tx, deps, context, kind, supersedes, id, now)
  const row = {
    tenant_id: tenantId,
    id,
    subject_id: place.subjectId,
    namespace: place.namespace,
    kind: kind.kind,
    confidence: draft.confidence,
    with_whom: draft.withWhom === null ? null : nameFingerprint(keys, draft.withWhom),
    sources: draft.sources,
    supersedes: supersedes?.id ?? null,
    superseded_by: null,
    superseded_at: null,
    created_at: now,
    written_by: `${principal.type}:${principal.id}`,
  }
  const memory = { id, input: memoryOfNote(kind.kind, place, now, draft, tier), now }
  const { added, change, attributes, updatedAt, trust } = await makeBoundMemory(tx, deps, context, keys, memory, usage)
  const made = { ...row, version: 1, updated_at: updatedAt, trust, standing: 1, withheld: null }
  await Promise.all([
    insertNote(tx, row),
    outboxInsert(tx, [noteEvent(deps, context, kind.events.created, 201, made, { supersedes: row.supersedes })]),
  ])
  return { added, change, id, view: kind.view(made, attributes) }
}

async function supersede<V>(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  kind: KindOfNote<V>,
  old: NonNullable<NoteOrder['supersedes']>,
  by: MemoryId,
  now: Date,
): Promise<void> {
  const [marked] = await markSuperseded(tx, context.caller.tenantId, old.id, by, now)
  if (marked === undefined) throw new AppError('already_superseded')
  const place = { tenantId: context.caller.tenantId, subjectId: old.subject_id }
  await Promise.all([
    settleStanding(tx, place, old.id),
    outboxInsert(tx, [noteEvent(deps, context, kind.events.superseded, 201, old, { superseded_by: by })]),
  ])
}
