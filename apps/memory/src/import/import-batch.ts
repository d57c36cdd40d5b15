import type { MemoryId, TenantId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { tenantTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { EventContext } from '@memoric/service/event-factory.ts'
import type { ConsentLine, MemoryLine, VersionLine } from '../exports/export-lines.ts'
import { type SubjectKeys, wholeTenant } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { fingerprintOf } from '../memories/memory-draft.ts'
import { type PrivateAttributes, sealAttributes } from '../memories/private-attributes.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { countNewConsents, importConsents } from './import-consents.ts'
import { countNewRecords, type IdOfMemory, importRecords, type RecordLine } from './import-records.ts'
import { ImportError } from './import-error.ts'
import {
  type ImportedRow,
  type ImportedVersion,
  insertImported,
  insertImportedVersions,
  lockForImport,
  selectTaken,
  type TakenId,
} from './import-repository.ts'
import { importedId } from './imported-id.ts'
import { importedProvenance, importedStanding } from './imported-provenance.ts'

/** Where the memories of an import come from and go to. */
export interface ImportTarget {
  readonly tenantId: TenantId
  /** Names the source in events, and tells ids of different sources apart. */
  readonly source: string
  readonly sourceTenant: string
  readonly context: EventContext
}

/** A replaced version together with its memory, which may have been in an earlier batch. */
export interface VersionOf {
  readonly memory: MemoryLine
  readonly line: VersionLine
}

/** Memories of one subject that are written in one transaction. */
export interface ImportBatch {
  readonly subjectId: string
  readonly memories: readonly MemoryLine[]
  readonly versions: readonly VersionOf[]
  readonly consents: readonly ConsentLine[]
  readonly records: readonly RecordLine[]
}

export interface ImportCounts {
  /** Memories that were made. */
  readonly made: number
  /** Memories that were there. */
  readonly known: number
  /** Replaced versions that were made. */
  readonly versions: number
  /** Records of consents that were made. */
  readonly consents: number
  /** Handoffs, their replaced versions, and persons that were made. */
  readonly records: number
}

/** What of a memory tells it apart. */
type NamedMemory = Pick<MemoryLine, 'id' | 'subject_id' | 'created_at'>

type ImportDeps = Pick<MemoryDeps, 'sql' | 'keys' | 'events'>

const ATTEMPTS = 3

/** Writes a batch with its event: all of it or nothing. What is there already stays as it is. */
export async function importBatch(deps: ImportDeps, target: ImportTarget, batch: ImportBatch): Promise<ImportCounts> {
  const place = { tenantId: target.tenantId, subjectId: batch.subjectId }
  for (let attempt = 1; ; attempt++) {
    const counts = await deps.keys.forWriting(place.tenantId, place.subjectId, (keys) =>
      tenantTransaction(deps.sql, wholeTenant(place.tenantId), (tx) => write(tx, deps, target, place, batch, keys)),
    )
    if (counts !== null) return counts
    // The key has been rotated since it was read, or the subject was erased.
    deps.keys.forgetSubject(place.tenantId, place.subjectId)
    if (attempt === ATTEMPTS) throw new ImportError(`The key of the subject "${place.subjectId}" changes all the time.`)
  }
}

/** The same without writing anything: how much of a batch would be made. */
export async function tryBatch(
  { sql }: Pick<ImportDeps, 'sql'>,
  target: ImportTarget,
  { subjectId, memories, versions, consents, records }: ImportBatch,
): Promise<ImportCounts> {
  const { tenantId } = target
  return tenantTransaction(sql, wholeTenant(tenantId), async (tx) => {
    const wanted = [...memories, ...versions.map(({ memory }) => memory)]
    const ids = await resolveIds(target, wanted, (taken) => selectTaken(tx, tenantId, taken))
    const isFresh = ({ id }: MemoryLine): boolean => ids.get(id)?.isKnown === false
    const made = memories.filter(isFresh).length
    return {
      made,
      known: memories.length - made,
      versions: versions.filter(({ memory }) => isFresh(memory)).length,
      consents: await countNewConsents(tx, { tenantId, subjectId }, consents),
      records: await countNewRecords(tx, { tenantId, subjectId }, records, idsOfMemories(tx, target, subjectId)),
    }
  })
}

/** Null when the keys are not the current ones. */
async function write(
  tx: Tx,
  deps: ImportDeps,
  target: ImportTarget,
  place: SubjectPlace,
  batch: ImportBatch,
  keys: SubjectKeys,
): Promise<ImportCounts | null> {
  const [subject] = await lockForImport(tx, place)
  if (subject?.key_version !== keys.content.current().id) return null
  const wanted = [...batch.memories, ...batch.versions.map(({ memory }) => memory)]
  const ids = await resolveIds(target, wanted, (taken) => selectTaken(tx, place.tenantId, taken))
  const idOf = ({ id }: MemoryLine): MemoryId => ids.get(id)?.id ?? id
  const fresh = batch.memories.filter(({ id }) => ids.get(id)?.isKnown === false)
  if (subject.stopped && fresh.length > 0) throw stopped(place)
  if (fresh.length > 0)
    await insertImported(
      tx,
      place,
      fresh.map((line) => rowOf(keys, place, idOf(line), line)),
    )
  const versions = batch.versions.map((version) => versionOf(keys, place, idOf(version.memory), version))
  const made = versions.length === 0 ? [] : await insertImportedVersions(tx, place, versions)
  const consents = await importConsents(tx, place, keys, batch.consents)
  const records = await importRecords(tx, place, keys, batch.records, idsOfMemories(tx, target, place.subjectId))
  if (subject.stopped && records > 0) throw stopped(place)
  const known = batch.memories.length - fresh.length
  const counts = { made: fresh.length, known, versions: made.length, consents, records }
  if (fresh.length + made.length + consents + records > 0) {
    await outboxInsert(tx, [importedEvent(deps, target, place, fresh.map(idOf), counts)])
  }
  return counts
}

function stopped({ subjectId }: SubjectPlace): ImportError {
  return new ImportError(`The subject "${subjectId}" has withdrawn consent: nothing is written for it.`)
}

/** Finds the ids that memories of a subject have here. */
function idsOfMemories(tx: Tx, target: ImportTarget, subject_id: string): IdOfMemory {
  return async (id, created_at, other) => {
    const ids = await resolveIds(target, [{ id, created_at, subject_id: other ?? subject_id }], (taken) =>
      selectTaken(tx, target.tenantId, taken),
    )
    return ids.get(id)?.id ?? id
  }
}

interface ResolvedId {
  readonly id: MemoryId
  readonly isKnown: boolean
}

/**
 * The id of each memory: its own, unless another memory of the tenant has it; then one that is made from it. A memory with the same
 * id, subject and time of making is the same one.
 */
async function resolveIds(
  { source, sourceTenant }: ImportTarget,
  memories: readonly NamedMemory[],
  taken: (ids: readonly string[]) => PromiseLike<readonly TakenId[]>,
): Promise<Map<string, ResolvedId>> {
  const other = (line: NamedMemory) =>
    importedId(new Date(line.created_at), [source, sourceTenant, line.subject_id, line.id])
  const rows = await taken(memories.flatMap((line) => [line.id, other(line)]))
  const byId = new Map(rows.map((row) => [row.id, row]))
  return new Map(
    memories.map((line): [string, ResolvedId] => {
      const own = byId.get(line.id)
      if (own === undefined) return [line.id, { id: line.id, isKnown: false }]
      if (isSame(own, line)) return [line.id, { id: line.id, isKnown: true }]
      const id = other(line)
      return [line.id, { id, isKnown: byId.has(id) }]
    }),
  )
}

function isSame(row: TakenId, line: NamedMemory): boolean {
  return row.subject_id === line.subject_id && row.created_at.getTime() === Date.parse(line.created_at)
}

function attributesOf(line: MemoryLine | VersionLine): PrivateAttributes {
  const { content, role, speaker, topic, category, entities, tags, metadata, sentiment, enriched } = line
  return {
    content,
    role,
    speaker,
    topic,
    category,
    entities,
    tags,
    metadata,
    ...(sentiment !== null && { sentiment }),
    ...(enriched.length > 0 && { enrichment: { left: enriched, derived: enriched } }),
  }
}

function rowOf(keys: SubjectKeys, place: SubjectPlace, id: MemoryId, line: MemoryLine): ImportedRow {
  const { namespace, thread_id: threadId, session_id: sessionId, version, tier, importance, content } = line
  return {
    id,
    namespace,
    threadId,
    sessionId,
    version,
    tier,
    importance,
    seenCount: line.seen_count,
    occurredAt: new Date(line.occurred_at),
    createdAt: new Date(line.created_at),
    updatedAt: new Date(line.updated_at),
    expiresAt: line.expires_at === null ? null : new Date(line.expires_at),
    fingerprint: fingerprintOf(keys, { namespace, threadId, content }),
    sealed: sealAttributes(keys.content.current(), { ...place, memoryId: id, version }, attributesOf(line)),
    provenance: importedProvenance(line),
    standing: importedStanding(line),
  }
}

function versionOf(keys: SubjectKeys, place: SubjectPlace, id: MemoryId, { memory, line }: VersionOf): ImportedVersion {
  const { version, tier, importance } = line
  return {
    memoryId: id,
    version,
    namespace: memory.namespace,
    tier,
    importance,
    occurredAt: new Date(line.occurred_at),
    expiresAt: line.expires_at === null ? null : new Date(line.expires_at),
    writtenAt: new Date(line.written_at),
    replacedAt: new Date(line.replaced_at),
    sealed: sealAttributes(keys.content.current(), { ...place, memoryId: id, version }, attributesOf(line)),
    provenance: importedProvenance(line),
  }
}

function importedEvent(
  { events }: ImportDeps,
  { tenantId, context, source }: ImportTarget,
  { subjectId }: SubjectPlace,
  ids: readonly string[],
  { made, versions, consents, records }: ImportCounts,
) {
  const details = { subject_id: subjectId, source, memories: made, versions, consents, records, ids: [...ids] }
  return events({ type: 'memory.imported', context, tenantId, resourceId: subjectId, statusCode: null, details })
}
