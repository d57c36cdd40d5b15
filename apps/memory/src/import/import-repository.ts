import type { MemoryId } from '@memoric/contracts/ids.ts'
import { byteaArray, timestampArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { StandingColumns } from '../provenance/provenance-view.ts'
import type { Provenance } from '../provenance/provenance.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

export interface LockedSubject {
  readonly key_version: number
  readonly stopped: boolean
}

/** The subject, which nobody else writes to until the transaction ends. */
export function lockForImport(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx<LockedSubject[]>`
    select key_version, stopped from subjects
    where tenant_id = ${tenantId} and subject_id = ${subjectId} for update`
}

export interface TakenId {
  readonly id: MemoryId
  readonly subject_id: string
  readonly created_at: Date
}

/** Which of some ids belong to memories of the tenant. */
export function selectTaken(tx: Tx, tenantId: string, ids: readonly string[]) {
  return tx<TakenId[]>`
    select id, subject_id, created_at from memories where tenant_id = ${tenantId} and id = any (${[...ids]}::uuid[])`
}

/** Where a version comes from, by the file. */
export interface ImportedProvenance extends Omit<Provenance, 'writtenBy'> {
  readonly writtenBy: string | null
}

/** A memory as it is written; its number and its change come from the subject. */
export interface ImportedRow {
  readonly id: MemoryId
  readonly namespace: string
  readonly threadId: string | null
  readonly sessionId: string | null
  readonly version: number
  readonly tier: string
  readonly importance: number
  readonly seenCount: number
  readonly occurredAt: Date
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly expiresAt: Date | null
  readonly fingerprint: Buffer
  readonly sealed: Buffer
  readonly provenance: ImportedProvenance
  readonly standing: StandingColumns
}

/** Writes memories of a locked subject with the next numbers, in their order. */
export function insertImported(tx: Tx, { tenantId, subjectId }: SubjectPlace, rows: readonly ImportedRow[]) {
  const of = <T>(read: (row: ImportedRow) => T): T[] => rows.map(read)
  const times = (read: (row: ImportedRow) => Date | null) => timestampArray(of(read))
  const bytes = (read: (row: ImportedRow) => Buffer) => byteaArray(of(read))
  const size = rows.reduce((sum, { sealed }) => sum + sealed.length, 0)
  return tx`
    with counter as (
      update subjects set last_seq = last_seq + ${rows.length}, last_change = last_change + ${rows.length},
        memories = memories + ${rows.length}, bytes = bytes + ${size}
      where tenant_id = ${tenantId} and subject_id = ${subjectId}
      returning last_seq - ${rows.length} as seq, last_change - ${rows.length} as change
    )
    insert into memories (
      tenant_id, id, subject_id, namespace, thread_id, session_id, seq, change, version, tier, importance, seen_count,
      occurred_at, created_at, updated_at, expires_at, fingerprint, sealed, written_by, source, trust, standing, withheld
    )
    select ${tenantId}, id, ${subjectId}, namespace, thread_id, session_id, counter.seq + ord, counter.change + ord,
      version, tier, importance, seen_count, occurred_at, created_at, updated_at, expires_at, fingerprint, sealed,
      written_by, source, trust, standing, withheld
    from counter, unnest(
      ${of(({ id }) => id)}::uuid[], ${of(({ namespace }) => namespace)}::text[], ${of(({ threadId }) => threadId)}::text[],
      ${of(({ sessionId }) => sessionId)}::text[], ${of((row) => row.version)}::int[], ${of(({ tier }) => tier)}::text[],
      ${of(({ importance }) => importance)}::real[], ${of(({ seenCount }) => seenCount)}::int[],
      ${times(({ occurredAt }) => occurredAt)}::timestamptz[], ${times(({ createdAt }) => createdAt)}::timestamptz[],
      ${times(({ updatedAt }) => updatedAt)}::timestamptz[], ${times(({ expiresAt }) => expiresAt)}::timestamptz[],
      ${bytes(({ fingerprint }) => fingerprint)}::bytea[], ${bytes(({ sealed }) => sealed)}::bytea[],
      ${of(({ provenance }) => provenance.writtenBy)}::text[], ${of(({ provenance }) => provenance.source)}::text[],
      ${of(({ provenance }) => provenance.trust)}::smallint[], ${of(({ standing }) => standing.standing)}::real[],
      ${of(({ standing }) => standing.withheld)}::text[]
    ) with ordinality as t (id, namespace, thread_id, session_id, version, tier, importance, seen_count, occurred_at,
      created_at, updated_at, expires_at, fingerprint, sealed, written_by, source, trust, standing, withheld, ord)`
}

/** A replaced version as it is written. */
export interface ImportedVersion {
  readonly memoryId: MemoryId
  readonly version: number
  readonly namespace: string
  readonly tier: string
  readonly importance: number
  readonly occurredAt: Date
  readonly expiresAt: Date | null
  readonly writtenAt: Date
  readonly replacedAt: Date
  readonly sealed: Buffer
  readonly provenance: ImportedProvenance
}

/** Writes versions of memories of a locked subject that the memories do not have yet, and gives those. */
export function insertImportedVersions(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  rows: readonly ImportedVersion[],
) {
  const of = <T>(read: (row: ImportedVersion) => T): T[] => rows.map(read)
  const times = (read: (row: ImportedVersion) => Date | null) => timestampArray(of(read))
  const sealed = byteaArray(of((row) => row.sealed))
  return tx<{ memory_id: string }[]>`
    with made as (
      insert into memory_versions (
        tenant_id, memory_id, version, subject_id, namespace, tier, importance, occurred_at, expires_at,
        written_at, replaced_at, sealed, written_by, source, trust
      )
      select ${tenantId}, memory_id, t.version, ${subjectId}, t.namespace, t.tier, t.importance, t.occurred_at,
        t.expires_at, written_at, replaced_at, t.sealed, t.written_by, t.source, t.trust
      from unnest(
        ${of(({ memoryId }) => memoryId)}::uuid[], ${of(({ version }) => version)}::int[],
        ${of(({ namespace }) => namespace)}::text[], ${of(({ tier }) => tier)}::text[],
        ${of(({ importance }) => importance)}::real[], ${times(({ occurredAt }) => occurredAt)}::timestamptz[],
        ${times(({ expiresAt }) => expiresAt)}::timestamptz[], ${times(({ writtenAt }) => writtenAt)}::timestamptz[],
        ${times(({ replacedAt }) => replacedAt)}::timestamptz[], ${sealed}::bytea[],
        ${of(({ provenance }) => provenance.writtenBy)}::text[], ${of(({ provenance }) => provenance.source)}::text[],
        ${of(({ provenance }) => provenance.trust)}::smallint[]
      ) as t (memory_id, version, namespace, tier, importance, occurred_at, expires_at, written_at, replaced_at, sealed,
        written_by, source, trust)
      join memories m on m.tenant_id = ${tenantId} and m.id = t.memory_id and m.version > t.version
      on conflict do nothing
      returning memory_id, octet_length(sealed) as size
    ), counter as (
      update subjects set bytes = bytes + coalesce((select sum(size) from made), 0)::bigint
      where tenant_id = ${tenantId} and subject_id = ${subjectId}
    )
    select memory_id from made`
}
