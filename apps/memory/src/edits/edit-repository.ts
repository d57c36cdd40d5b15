import type { ListEditsQuery } from '@memoric/contracts/edit-contract.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { StandingColumns } from '../provenance/provenance-view.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { EditRow } from './edit-row.ts'

function columns(tx: Tx) {
  return tx`e.tenant_id, e.id, e.subject_id, e.namespace, e.memory_id, e.memory_version, e.operation, e.factor, e.status,
    e.version, e.proposed_by, e.proposed_at, e.decided_by, e.decided_at, e.undone_by, e.undone_at, e.sealed`
}

export function selectEdit(tx: Tx, tenantId: string, id: string) {
  return tx<EditRow[]>`select ${columns(tx)} from memory_edits e where e.tenant_id = ${tenantId} and e.id = ${id}`
}

/** A page of edits, newest first, that come before the edit `beforeId`. */
export function selectEditPage(tx: Tx, tenantId: string, query: ListEditsQuery, beforeId: string | null) {
  const { subject_id, namespace, memory_id, status, limit } = query
  return tx<EditRow[]>`
    select ${columns(tx)} from memory_edits e
    where e.tenant_id = ${tenantId}
      ${beforeId === null ? tx`` : tx`and e.id < ${beforeId}`}
      ${subject_id === undefined ? tx`` : tx`and e.subject_id = ${subject_id}`}
      ${namespace === undefined ? tx`` : tx`and e.namespace = ${namespace}`}
      ${memory_id === undefined ? tx`` : tx`and e.memory_id = ${memory_id}`}
      ${status === undefined ? tx`` : tx`and e.status = ${status}`}
    order by e.id desc limit ${limit + 1}`
}

/** Edits of a subject after the one with this id, oldest first. */
export function selectEditsAfter(tx: Tx, { tenantId, subjectId }: SubjectPlace, after: string | null, limit: number) {
  return tx<(EditRow & { memory_created_at: Date })[]>`
    select ${columns(tx)}, m.created_at as memory_created_at
    from memory_edits e join memories m on m.tenant_id = e.tenant_id and m.id = e.memory_id
    where e.tenant_id = ${tenantId} and e.subject_id = ${subjectId} and (${after}::uuid is null or e.id > ${after})
      and (m.expires_at is null or m.expires_at > now())
    order by e.id limit ${limit}`
}

/** Edits of a memory that one principal has proposed. */
export function countEdits(tx: Tx, tenantId: string, memoryId: string, proposedBy: string) {
  return tx<{ count: number }[]>`
    select count(*)::int as count from memory_edits
    where tenant_id = ${tenantId} and memory_id = ${memoryId} and proposed_by = ${proposedBy}`
}

/** Who wrote a version of a memory, the current one or one before. */
export function selectWriters(tx: Tx, tenantId: string, memoryId: string) {
  return tx<{ written_by: string }[]>`
    select written_by from memories where tenant_id = ${tenantId} and id = ${memoryId} and written_by is not null
    union
    select written_by from memory_versions
    where tenant_id = ${tenantId} and memory_id = ${memoryId} and written_by is not null`
}

/** What is left of the score of a note whose place another took. */
const SUPERSEDED = 0.5

/** What decides about the standing of a memory: its approved edits, and whether it is a note whose place another took. */
export function selectWeights(tx: Tx, tenantId: string, memoryId: string) {
  return tx<Pick<EditRow, 'operation' | 'factor'>[]>`
    select operation, factor from memory_edits
    where tenant_id = ${tenantId} and memory_id = ${memoryId} and status = 'approved'
    union all
    select 'attenuate', ${SUPERSEDED}::real from notes
    where tenant_id = ${tenantId} and id = ${memoryId} and superseded_by is not null`
}

/** Writes an edit, unless it is there; gives a row when it was written. */
export function insertEdit(tx: Tx, row: EditRow) {
  return tx`
    insert into memory_edits (
      tenant_id, id, subject_id, namespace, memory_id, memory_version, operation, factor, status, version, proposed_by,
      proposed_at, decided_by, decided_at, undone_by, undone_at, sealed
    ) values (
      ${row.tenant_id}, ${row.id}, ${row.subject_id}, ${row.namespace}, ${row.memory_id}, ${row.memory_version},
      ${row.operation}, ${row.factor}, ${row.status}, ${row.version}, ${row.proposed_by}, ${row.proposed_at},
      ${row.decided_by}, ${row.decided_at}, ${row.undone_by}, ${row.undone_at}, ${row.sealed}
    )
    on conflict do nothing returning 1`
}

/** Writes what became of an edit, whose subject is locked. */
export function updateEdit(tx: Tx, row: EditRow) {
  return tx`
    update memory_edits set status = ${row.status}, version = ${row.version}, decided_by = ${row.decided_by},
      decided_at = ${row.decided_at}, undone_by = ${row.undone_by}, undone_at = ${row.undone_at}, sealed = ${row.sealed}
    where tenant_id = ${row.tenant_id} and id = ${row.id}`
}

/** Gives a memory of a locked subject another standing; every index hears of it as of any change. */
export function updateStanding(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  memoryId: string,
  { standing, withheld }: StandingColumns,
) {
  return tx<{ change: number }[]>`
    with counter as (
      update subjects set last_change = last_change + 1
      where tenant_id = ${tenantId} and subject_id = ${subjectId} returning last_change
    )
    update memories m set standing = ${standing}, withheld = ${withheld}, change = counter.last_change
    from counter where m.tenant_id = ${tenantId} and m.id = ${memoryId} returning m.change`
}

/** Reasons that another key than this sealed; a box has the id of its key in the four bytes after the first. */
export function selectReasonsOfOtherKeys(tx: Tx, { tenantId, subjectId }: SubjectPlace, keyId: Buffer, limit: number) {
  return tx<Pick<EditRow, 'id' | 'version' | 'sealed'>[]>`
    select id, version, sealed from memory_edits
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and substring(sealed from 2 for 4) <> ${keyId}
    limit ${limit}`
}

export function updateReasons(tx: Tx, tenantId: string, id: string, sealed: Buffer) {
  return tx`update memory_edits set sealed = ${sealed} where tenant_id = ${tenantId} and id = ${id}`
}
