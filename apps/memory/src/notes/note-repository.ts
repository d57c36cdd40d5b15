import type { MemoryId } from '@memoric/contracts/ids.ts'
import type { ListNotesQuery, NoteKind } from '@memoric/contracts/note-contract.ts'
import { byteaArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { NamedPerson } from '../persons/named-person.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { NoteRow, OwnNoteRow } from './note-row.ts'

/** Columns of a NoteRow and where they are from. */
export function notesWithMemories(tx: Tx) {
  return tx`
    select n.tenant_id, n.id, n.subject_id, n.namespace, n.kind, n.confidence, n.with_whom, n.sources, n.supersedes,
      n.superseded_by, n.superseded_at, n.created_at, n.written_by, m.version, m.updated_at, m.sealed,
      m.trust, m.standing, m.withheld
    from notes n join memories m on m.tenant_id = n.tenant_id and m.id = n.id`
}

export function selectNote(tx: Tx, tenantId: string, kind: NoteKind, id: string) {
  return tx<NoteRow[]>`
    ${notesWithMemories(tx)} where n.tenant_id = ${tenantId} and n.id = ${id} and n.kind = ${kind}`
}

/** Notes of a subject below `before`, newest first. */
export function selectNotes(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  kind: NoteKind,
  { namespace, status }: Pick<ListNotesQuery, 'namespace' | 'status'>,
  before: string | null,
  limit: number,
) {
  const isOfStatus = {
    active: tx`and n.superseded_by is null`,
    superseded: tx`and n.superseded_by is not null`,
    all: tx``,
  }[status]
  return tx<NoteRow[]>`
    ${notesWithMemories(tx)}
    where n.tenant_id = ${tenantId} and n.subject_id = ${subjectId} and n.kind = ${kind} ${isOfStatus}
      ${namespace === undefined ? tx`` : tx`and n.namespace = ${namespace}`}
      ${before === null ? tx`` : tx`and n.id < ${before}`}
    order by n.id desc limit ${limit}`
}

/** Notes that hold, the newest or the surest, but for those that are about others than the person, if one is named. */
export function selectHolding(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  kind: NoteKind,
  person: NamedPerson | null,
  order: 'newest' | 'surest',
  limit: number,
) {
  const isAbout =
    person === null
      ? tx``
      : tx`and (n.with_whom is null or n.with_whom = any (${byteaArray(person.fingerprints)}::bytea[]))`
  return tx<NoteRow[]>`
    ${notesWithMemories(tx)}
    where n.tenant_id = ${tenantId} and n.subject_id = ${subjectId} and n.kind = ${kind} and n.superseded_by is null
      ${isAbout}
    order by ${order === 'newest' ? tx`n.id desc` : tx`n.confidence desc, n.id desc`} limit ${limit}`
}

export function insertNote(tx: Tx, row: OwnNoteRow) {
  return tx`
    insert into notes (
      tenant_id, id, subject_id, namespace, kind, confidence, with_whom, sources, supersedes, superseded_by,
      superseded_at, created_at, written_by
    ) values (
      ${row.tenant_id}, ${row.id}, ${row.subject_id}, ${row.namespace}, ${row.kind}, ${row.confidence},
      ${row.with_whom}, ${[...row.sources]}::uuid[], ${row.supersedes}, ${row.superseded_by}, ${row.superseded_at},
      ${row.created_at}, ${row.written_by}
    )`
}

export function updateNote(tx: Tx, { tenant_id, id, confidence, with_whom, sources, written_by }: OwnNoteRow) {
  return tx`
    update notes set confidence = ${confidence}, with_whom = ${with_whom}, sources = ${[...sources]}::uuid[],
      written_by = ${written_by}
    where tenant_id = ${tenant_id} and id = ${id}`
}

/** Says that a note that holds was superseded; gives it if it did hold. */
export function markSuperseded(tx: Tx, tenantId: string, id: string, by: string, at: Date) {
  return tx<{ id: string }[]>`
    update notes set superseded_by = ${by}, superseded_at = ${at}
    where tenant_id = ${tenantId} and id = ${id} and superseded_by is null returning id`
}

/** Deletes a note and closes the gap: what it superseded is superseded by what superseded it, or holds again. */
export function removeNote(tx: Tx, tenantId: string, id: string) {
  return tx<{ id: string; restored: string | null }[]>`
    with gone as (
      delete from notes where tenant_id = ${tenantId} and id = ${id}
      returning id, supersedes, superseded_by, superseded_at
    ), before as (
      update notes n set superseded_by = gone.superseded_by, superseded_at = gone.superseded_at
      from gone where n.tenant_id = ${tenantId} and n.id = gone.supersedes
      returning n.id, n.superseded_by
    ), after as (
      update notes n set supersedes = gone.supersedes
      from gone where n.tenant_id = ${tenantId} and n.id = gone.superseded_by
    )
    select gone.id, before.id as restored
    from gone left join before on before.superseded_by is null`
}

/** Which of the ids are those of live memories of the subject. */
export function selectOwn(tx: Tx, { tenantId, subjectId }: SubjectPlace, ids: readonly string[]) {
  return tx<{ id: MemoryId }[]>`
    select id from memories
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and id = any (${[...ids]}::uuid[])
      and (expires_at is null or expires_at > now())`
}
