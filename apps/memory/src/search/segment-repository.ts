import { plainArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { Scope } from '@memoric/postgres/tenant-transaction.ts'
import type { MemoryRow } from '../memories/memory-row.ts'

/** Whose index it is. */
export interface SubjectPlace {
  readonly tenantId: string
  readonly subjectId: string
}

/** An index holds every namespace of its subject; what a caller may see of it is decided when it is searched. */
export function scopeOfIndex({ tenantId, subjectId }: SubjectPlace): Scope {
  return { tenantId, subjects: [subjectId], namespaces: '*' }
}

/** What the index needs of a memory; its tenant and subject are those of the index. */
export type IndexRow = Omit<MemoryRow, 'tenant_id' | 'subject_id' | 'written_by' | 'source' | 'withheld'>

function columns(tx: Tx) {
  return tx`m.id, m.namespace, m.thread_id, m.session_id, m.seq, m.change, m.version, m.tier, m.importance, m.seen_count,
    m.occurred_at, m.created_at, m.updated_at, m.expires_at, m.summarised_by, m.trust, m.standing, m.sealed`
}

/** What a subject is and how far its changes have come. */
interface SubjectChanges {
  readonly subject_since: Date
  readonly last_change: number
}

/** One of the memories that changed; a row without `id` stands for none. */
export type ChangedRow = SubjectChanges & (IndexRow | { readonly id: null })

/**
 * Memories that changed after the change `since`, in the order of their changes, with the number of the subject's last change:
 * one row at least unless there is no such subject. Everything up to the last change is committed, since writers hold the
 * subject's lock.
 */
export function selectChanges(tx: Tx, { tenantId, subjectId }: SubjectPlace, since: number, limit: number) {
  return tx<ChangedRow[]>`
    select s.created_at as subject_since, s.last_change, ${columns(tx)}
    from subjects s left join lateral (
      select * from memories
      where tenant_id = ${tenantId} and subject_id = ${subjectId} and change > ${since}
      order by change limit ${limit}
    ) as m on true
    where s.tenant_id = ${tenantId} and s.subject_id = ${subjectId}
    order by m.change`
}

/** Memories whose last change is after `since` and not after `until`, in the order of their changes. */
export function selectInterval(tx: Tx, place: SubjectPlace, since: number, until: number, limit: number) {
  return tx<IndexRow[]>`
    select ${columns(tx)} from memories m
    where m.tenant_id = ${place.tenantId} and m.subject_id = ${place.subjectId}
      and m.change > ${since} and m.change <= ${until}
    order by m.change limit ${limit}`
}

/** Memories that were deleted after the change `since`. */
export function selectDeletions(tx: Tx, { tenantId, subjectId }: SubjectPlace, since: number) {
  return tx<{ memory_id: string }[]>`
    select memory_id from memory_deletions
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and change > ${since}`
}

export interface SubjectState extends SubjectChanges {
  readonly key_version: number
}

/** No row when the subject has been erased. */
export function selectSubjectState(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx<SubjectState[]>`
    select created_at as subject_since, last_change, key_version from subjects where tenant_id = ${tenantId} and subject_id = ${subjectId}`
}

export interface SegmentRow {
  readonly segment_id: string
  readonly from_change: number
  readonly to_change: number
  readonly format: number
  /** Null for a segment that was named as known. */
  readonly sealed: Buffer | null
}

/** The segments of a subject in the order of their changes; those with a `known` id without their bytes. */
export function selectSegments(tx: Tx, { tenantId, subjectId }: SubjectPlace, known: readonly string[]) {
  return tx<SegmentRow[]>`
    select segment_id, from_change, to_change, format,
      case when segment_id = any (${plainArray(known)}::uuid[]) then null else sealed end as sealed
    from search_segments
    where tenant_id = ${tenantId} and subject_id = ${subjectId}
    order by from_change`
}

/** The segments in which a memory with one of these `seqs` may be. */
export function selectSegmentsAround(tx: Tx, { tenantId, subjectId }: SubjectPlace, seqs: readonly number[]) {
  return tx<SegmentRow[]>`
    select segment_id, from_change, to_change, format, sealed
    from search_segments
    where tenant_id = ${tenantId} and subject_id = ${subjectId}
      and exists (select from unnest(${plainArray(seqs)}::bigint[]) as seq where seq between first_seq and last_seq)
    order by from_change`
}

export function selectSegmentIds(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx<{ segment_id: string }[]>`
    select segment_id from search_segments
    where tenant_id = ${tenantId} and subject_id = ${subjectId}
    order by from_change`
}

/**
 * Lets one transaction at a time write segments of a subject. Taken after the lock of the subject where both are; whoever has it
 * sees what those before it committed in the statements that follow.
 */
export function lockSegments(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx`select pg_advisory_xact_lock(hashtextextended(${`${tenantId} ${subjectId}`}, 0))`
}

/** A sealed segment that is ready to be written. */
export interface SealedSegment {
  readonly segmentId: string
  readonly fromChange: number
  readonly toChange: number
  readonly firstSeq: number
  readonly lastSeq: number
  readonly memories: number
  readonly format: number
  readonly sealed: Buffer
}

export function insertSegment(tx: Tx, { tenantId, subjectId }: SubjectPlace, segment: SealedSegment) {
  return tx`
    insert into search_segments (
      tenant_id, subject_id, from_change, to_change, segment_id, first_seq, last_seq, memories, format, sealed
    ) values (
      ${tenantId}, ${subjectId}, ${segment.fromChange}, ${segment.toChange}, ${segment.segmentId}, ${segment.firstSeq},
      ${segment.lastSeq}, ${segment.memories}, ${segment.format}, ${segment.sealed}
    )`
}

export function deleteSegments(tx: Tx, { tenantId, subjectId }: SubjectPlace, segmentIds: readonly string[]) {
  return tx`
    delete from search_segments
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and segment_id = any (${plainArray(segmentIds)}::uuid[])`
}

/** Segments that another key than this sealed. */
export function selectSegmentsOfOtherKeys(tx: Tx, { tenantId, subjectId }: SubjectPlace, keyId: number, limit: number) {
  const id = Buffer.alloc(4)
  id.writeUInt32BE(keyId)
  // A box has the id of its key in the four bytes after the first.
  return tx<{ segment_id: string; sealed: Buffer }[]>`
    select segment_id, sealed from search_segments
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and substring(sealed from 2 for 4) <> ${id}
    order by from_change limit ${limit}`
}

export function updateSegment(tx: Tx, { tenantId, subjectId }: SubjectPlace, segmentId: string, sealed: Buffer) {
  return tx`
    update search_segments set sealed = ${sealed}
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and segment_id = ${segmentId}`
}

/** All segments of a subject; gives the ids that were there. */
export function deleteAllSegments(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx<{ segment_id: string }[]>`
    delete from search_segments where tenant_id = ${tenantId} and subject_id = ${subjectId} returning segment_id`
}

/** Subjects of a tenant after `after`, by their ids. */
export function selectSubjectIds(tx: Tx, tenantId: string, after: string, limit: number) {
  return tx<{ subject_id: string }[]>`
    select subject_id from subjects
    where tenant_id = ${tenantId} and subject_id > ${after}
    order by subject_id limit ${limit}`
}

/** The subjects that the caller may see and that have not withdrawn consent, those that changed last first. */
export function selectLatestSubjects(tx: Tx, tenantId: string, limit: number) {
  return tx<{ subject_id: string }[]>`
    select subject_id from subjects
    where tenant_id = ${tenantId} and not stopped
    order by changed_at desc, subject_id limit ${limit}`
}
