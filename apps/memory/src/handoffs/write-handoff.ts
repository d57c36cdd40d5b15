import type { MemoryId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { lockSubjects } from '../memories/subject-lock-repository.ts'
import { nameFingerprint } from '../persons/name-fingerprint.ts'
import { consentFor } from '../privacy/consent-rules.ts'
import { NOTHING } from '../quotas/quota-rules.ts'
import type { TenantUsage } from '../quotas/tenant-usage.ts'
import type { HandoffOrder, WrittenHandoff } from './create-handoff.ts'
import { type HandoffParts, sealParts } from './handoff-box.ts'
import { handoffFingerprint, partsOf, saysTheSame } from './handoff-draft.ts'
import { handoffEvent } from './handoff-event.ts'
import { insertHandoff, replaceHandoff, selectHandoffOfSession } from './handoff-repository.ts'
import { handoffView, openHandoff, type HandoffRow } from './handoff-row.ts'
import { requireIdentityWrite } from './identity-permission.ts'
import { writeMemoryOfHandoff } from './write-memory-of-handoff.ts'

/**
 * Writes a handoff with its memory and its events, or finds that it is written already. The lock of the subject puts those who hand
 * over the same session in order.
 */
export async function writeHandoff(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  order: HandoffOrder,
  usage: TenantUsage,
): Promise<WrittenHandoff> {
  const { caller } = context
  const { subjectId, namespace, body } = order
  const place = { tenantId: caller.tenantId, subjectId }
  const lock = { subjectId, keyVersion: keys.content.current().id, consent: consentFor(caller) }
  const [, [before]] = await Promise.all([
    lockSubjects(tx, place.tenantId, [lock]),
    selectHandoffOfSession(tx, place, namespace, body.session_id),
  ])
  const parts = partsOf(body)
  const fingerprint = handoffFingerprint(keys, parts, body.significance)
  if (before !== undefined && saysTheSame(before, fingerprint, body.occurred_at)) {
    return { handoff: handoffView(before, openHandoff(keys, before)), fate: 'known', added: NOTHING, change: null }
  }
  const becomingBefore = before === undefined ? null : openHandoff(keys, before).becoming
  if (becomingBefore !== parts.becoming) requireIdentityWrite(caller)
  const row = nextRow(deps, context, keys, order, { parts, fingerprint, before, becomingBefore })
  const told = { parts, tier: order.tier, stated: { source: body.source, trust: body.trust } }
  const { added, change } = await writeMemoryOfHandoff(tx, deps, context, keys, row, told, usage)
  const changesIdentity = becomingBefore !== parts.becoming
  await Promise.all([
    before === undefined ? insertHandoff(tx, row) : replaceHandoff(tx, row),
    outboxInsert(tx, [
      handoffEvent(deps, context, row, before === undefined ? 'created' : 'corrected', changesIdentity),
    ]),
  ])
  return { handoff: handoffView(row, parts), fate: before === undefined ? 'made' : 'corrected', added, change }
}

interface Told {
  readonly parts: HandoffParts
  readonly fingerprint: Buffer
  readonly before: HandoffRow | undefined
  readonly becomingBefore: string | null
}

/** A correction keeps what is left out of when it was, and who said who the subject is becoming while that stays the same. */
function nextRow(
  deps: MemoryDeps,
  { caller }: RequestContext,
  keys: SubjectKeys,
  { subjectId, namespace, body }: HandoffOrder,
  { parts, fingerprint, before, becomingBefore }: Told,
): HandoffRow {
  const now = deps.now()
  const writtenBy = `${caller.principal.type}:${caller.principal.id}`
  // Made as one.
  const id = before?.id ?? (uuidV7() as MemoryId)
  const version = (before?.version ?? 0) + 1
  const isSaidBefore = parts.becoming !== null && parts.becoming === becomingBefore
  const said = parts.becoming === null ? null : { by: writtenBy, at: now }
  return {
    tenant_id: caller.tenantId,
    id,
    subject_id: subjectId,
    namespace,
    session_id: body.session_id,
    with_whom: nameFingerprint(keys, parts.with_whom),
    version,
    significance: body.significance,
    occurred_at: body.occurred_at === undefined ? (before?.occurred_at ?? now) : new Date(body.occurred_at),
    created_at: before?.created_at ?? now,
    updated_at: now,
    written_by: writtenBy,
    becoming_by: isSaidBefore ? (before?.becoming_by ?? null) : (said?.by ?? null),
    becoming_at: isSaidBefore ? (before?.becoming_at ?? null) : (said?.at ?? null),
    fingerprint,
    sealed: sealParts(keys, { tenantId: caller.tenantId, subjectId, id, version }, parts),
  }
}
