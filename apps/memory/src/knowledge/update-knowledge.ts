import type { Knowledge, UpdateKnowledge } from '@memoric/contracts/knowledge-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { checkVersion } from '../memories/find-memory.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import { type SingleWrite, singleWrite } from '../memories/single-write.ts'
import { replaceBoundMemory } from '../memories/write-bound-memory.ts'
import { findNote, viewOf } from '../notes/find-note.ts'
import { noteEvent } from '../notes/note-event.ts'
import { memoryOfNote, type NoteDraft } from '../notes/note-kind.ts'
import { selectNote, updateNote } from '../notes/note-repository.ts'
import { requireSources } from '../notes/require-sources.ts'
import { nameFingerprint } from '../persons/name-fingerprint.ts'
import { changedProvenance } from '../provenance/provenance.ts'
import { statedOf } from '../provenance/stated-of.ts'
import type { TenantUsage } from '../quotas/tenant-usage.ts'
import { knowledgeKind, wordsOf } from './knowledge-kind.ts'

type Update = RouteTable['updateKnowledge']

/**
 * Writes the next version of a note that holds. Throws AppError `knowledge_not_found`, `version_mismatch`, `already_superseded`,
 * `rule_violated`, and as singleWrite.
 */
export async function updateKnowledge(deps: MemoryDeps, call: Call<Update>): Promise<RouteOutput<Update>> {
  const { params, headers, body, context } = call
  const { subject_id: subjectId } = await findNote(deps, context, knowledgeKind, params.id)
  const { view } = await singleWrite(deps, context, subjectId, (tx, keys, usage) =>
    change(tx, deps, context, keys, params.id, body, headers['if-match'], usage),
  )
  return { status: 200, body: view, headers: { etag: `"${view.version}"` } }
}

/** The subject is locked, so what is read stays as it is. */
async function change(
  tx: Tx,
  deps: MemoryDeps,
  context: RequestContext,
  keys: SubjectKeys,
  id: string,
  body: UpdateKnowledge,
  expected: number | undefined,
  usage: TenantUsage,
): Promise<SingleWrite & { readonly view: Knowledge }> {
  const { tenantId, principal } = context.caller
  const [row] = await selectNote(tx, tenantId, knowledgeKind.kind, id)
  const [memory] = await selectMemories(tx, tenantId, [id])
  if (row === undefined || memory === undefined) throw new AppError('knowledge_not_found')
  checkVersion(row, expected)
  if (row.superseded_by !== null) throw new AppError('already_superseded')
  const place = { tenantId, subjectId: row.subject_id }
  if (body.sources !== undefined) await requireSources(tx, place, body.sources)
  const draft = changedDraft(viewOf(keys, knowledgeKind, row), row.sources, body)
  const input = memoryOfNote(
    knowledgeKind.kind,
    { ...place, namespace: row.namespace },
    row.created_at,
    draft,
    memory.tier,
  )
  const provenance = changedProvenance(context.caller, memory, { content: input.content, ...draft.stated })
  const bound = { id: row.id, input, now: deps.now(), provenance }
  const {
    added,
    change: nth,
    attributes,
    updatedAt,
    trust,
  } = await replaceBoundMemory(tx, deps, context, keys, memory, bound, usage)
  const next = {
    ...row,
    version: row.version + 1,
    updated_at: updatedAt,
    trust,
    confidence: draft.confidence,
    with_whom: draft.withWhom === null ? null : nameFingerprint(keys, draft.withWhom),
    sources: draft.sources,
    written_by: `${principal.type}:${principal.id}`,
  }
  const event = noteEvent(deps, context, 'knowledge.updated', 200, next, { fields: Object.keys(body) })
  await Promise.all([updateNote(tx, next), outboxInsert(tx, [event])])
  return { added, change: nth, view: knowledgeKind.view(next, attributes) }
}

function changedDraft(before: Knowledge, known: NoteDraft['sources'], body: UpdateKnowledge): NoteDraft {
  const { title, content, topic, category, with_whom, tags, sources = known, confidence } = body
  return {
    words: wordsOf({
      title: title === undefined ? before.title : title,
      content: content ?? before.content,
      topic: topic === undefined ? before.topic : topic,
      category: category === undefined ? before.category : category,
    }),
    withWhom: with_whom === undefined ? before.with_whom : with_whom,
    tags: tags ?? before.tags,
    sources,
    confidence: confidence ?? before.confidence,
    stated: statedOf(body),
  }
}
