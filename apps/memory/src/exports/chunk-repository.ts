import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** A subject within an export. */
export interface ExportPlace extends SubjectPlace {
  readonly exportId: string
}

export type LineCounts = Readonly<Record<string, number>>

/** Makes the subject one of the export, without what an earlier attempt has left. */
export async function beginSubject(tx: Tx, { tenantId, subjectId, exportId }: ExportPlace): Promise<void> {
  await tx`
    delete from export_chunks
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and export_id = ${exportId}`
  await tx`
    insert into export_subjects (tenant_id, subject_id, export_id) values (${tenantId}, ${subjectId}, ${exportId})
    on conflict (tenant_id, subject_id, export_id) do update set chunks = null, counts = '{}'`
}

/**
 * The key version that the subject's writes are sealed with, while its key `version` exists; both stay until the transaction ends.
 */
export function lockSubjectKey(tx: Tx, { tenantId, subjectId }: SubjectPlace, version: number) {
  return tx<{ key_version: number }[]>`
    select s.key_version from subjects s
    join subject_keys k on k.tenant_id = s.tenant_id and k.subject_id = s.subject_id and k.version = ${version}
    where s.tenant_id = ${tenantId} and s.subject_id = ${subjectId} for key share of s, k`
}

export function insertChunk(tx: Tx, { tenantId, subjectId, exportId }: ExportPlace, number: number, sealed: Buffer) {
  return tx`
    insert into export_chunks (tenant_id, subject_id, export_id, number, sealed)
    values (${tenantId}, ${subjectId}, ${exportId}, ${number}, ${sealed})`
}

export function finishSubject(
  tx: Tx,
  { tenantId, subjectId, exportId }: ExportPlace,
  chunks: number,
  counts: LineCounts,
) {
  return tx`
    update export_subjects set chunks = ${chunks}, counts = ${JSON.stringify(counts)}::jsonb
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and export_id = ${exportId}`
}

export interface ExportedSubject {
  readonly subject_id: string
  readonly chunks: number
  readonly counts: LineCounts
}

/** Finished subjects of an export after the subject `after`. */
export function selectExportedSubjects(tx: Tx, tenantId: string, exportId: string, after: string, max: number) {
  return tx<ExportedSubject[]>`
    select subject_id, chunks, counts from export_subjects
    where tenant_id = ${tenantId} and export_id = ${exportId} and subject_id > ${after} and chunks is not null
    order by subject_id limit ${max}`
}

export interface ChunkRow {
  readonly number: number
  readonly sealed: Buffer
}

export function selectChunks(tx: Tx, { tenantId, subjectId, exportId }: ExportPlace, from: number, max: number) {
  return tx<ChunkRow[]>`
    select number, sealed from export_chunks
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and export_id = ${exportId} and number >= ${from}
    order by number limit ${max}`
}

/** Removes some subjects of an export with their chunks, and gives how many. */
export function deleteSubjects(tx: Tx, tenantId: string, exportId: string, max: number) {
  return tx<{ subject_id: string }[]>`
    with gone as (
      delete from export_subjects
      where tenant_id = ${tenantId} and export_id = ${exportId} and subject_id in (
        select subject_id from export_subjects where tenant_id = ${tenantId} and export_id = ${exportId} limit ${max}
      )
      returning subject_id
    ), chunks as (
      delete from export_chunks c using gone
      where c.tenant_id = ${tenantId} and c.subject_id = gone.subject_id and c.export_id = ${exportId}
    )
    select subject_id from gone`
}

export interface PlacedChunk extends ChunkRow {
  readonly export_id: string
}

/** Chunks of a subject that another key than the version `keyId` has sealed: the version stands after the first byte of a box. */
export function selectChunksOfOtherKeys(tx: Tx, { tenantId, subjectId }: SubjectPlace, keyId: number, max: number) {
  const id = Buffer.alloc(4)
  id.writeUInt32BE(keyId)
  return tx<PlacedChunk[]>`
    select export_id, number, sealed from export_chunks
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and substring(sealed from 2 for 4) <> ${id}
    limit ${max}`
}

export function updateChunk(tx: Tx, { tenantId, subjectId }: SubjectPlace, { export_id, number, sealed }: PlacedChunk) {
  return tx`
    update export_chunks set sealed = ${sealed}
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and export_id = ${export_id} and number = ${number}`
}
