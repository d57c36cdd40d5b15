import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** A row of `threads`. */
export interface ThreadRow {
  readonly namespace: string
  readonly thread_id: string
  readonly id: string
  readonly version: number
  readonly archived_at: Date | null
  readonly updated_at: Date
  readonly sealed: Buffer | null
}

/** Which thread of a subject. */
export interface ThreadName {
  readonly namespace: string
  readonly threadId: string
}

/** What is stored of some threads. */
export function selectThreads(tx: Tx, { tenantId, subjectId }: SubjectPlace, names: readonly ThreadName[]) {
  return tx<ThreadRow[]>`
    select namespace, thread_id, id, version, archived_at, updated_at, sealed from threads
    join unnest(
      ${names.map(({ namespace }) => namespace)}::text[], ${names.map(({ threadId }) => threadId)}::text[]
    ) as asked (namespace, thread_id) using (namespace, thread_id)
    where tenant_id = ${tenantId} and subject_id = ${subjectId}`
}

/** What is stored of threads, after the one with this id. */
export function selectThreadsAfter(tx: Tx, { tenantId, subjectId }: SubjectPlace, after: string | null, limit: number) {
  return tx<ThreadRow[]>`
    select namespace, thread_id, id, version, archived_at, updated_at, sealed from threads
    where tenant_id = ${tenantId} and subject_id = ${subjectId} ${after === null ? tx`` : tx`and id > ${after}`}
    order by id limit ${limit}`
}

/** Writes a thread, whole, unless something is stored of it; gives a row when it was written. */
export function insertThread(tx: Tx, { tenantId, subjectId }: SubjectPlace, row: ThreadRow) {
  return tx`
    insert into threads (tenant_id, subject_id, namespace, thread_id, id, version, archived_at, updated_at, sealed)
    values (
      ${tenantId}, ${subjectId}, ${row.namespace}, ${row.thread_id}, ${row.id}, ${row.version}, ${row.archived_at},
      ${row.updated_at}, ${row.sealed}
    )
    on conflict do nothing returning 1`
}

/** Writes a thread, whole, in the place of what was there. */
export function upsertThread(tx: Tx, { tenantId, subjectId }: SubjectPlace, row: ThreadRow) {
  return tx`
    insert into threads (tenant_id, subject_id, namespace, thread_id, id, version, archived_at, updated_at, sealed)
    values (
      ${tenantId}, ${subjectId}, ${row.namespace}, ${row.thread_id}, ${row.id}, ${row.version}, ${row.archived_at},
      ${row.updated_at}, ${row.sealed}
    )
    on conflict (tenant_id, subject_id, namespace, thread_id) do update
      set version = excluded.version, archived_at = excluded.archived_at, updated_at = excluded.updated_at,
        sealed = excluded.sealed`
}

export function removeThread(tx: Tx, { tenantId, subjectId }: SubjectPlace, { namespace, threadId }: ThreadName) {
  return tx`
    delete from threads
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and namespace = ${namespace} and thread_id = ${threadId}`
}

/** Titles that another key than this sealed. */
export function selectTitlesOfOtherKeys(tx: Tx, { tenantId, subjectId }: SubjectPlace, keyId: Buffer, limit: number) {
  return tx<{ id: string; version: number; sealed: Buffer }[]>`
    select id, version, sealed from threads
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and substring(sealed from 2 for 4) <> ${keyId}
    limit ${limit}`
}

export function updateTitleBox(tx: Tx, { tenantId, subjectId }: SubjectPlace, id: string, sealed: Buffer) {
  return tx`
    update threads set sealed = ${sealed}
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and id = ${id}`
}
