import type { ListHandoffsQuery } from '@memoric/contracts/handoff-contract.ts'
import { byteaArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { NamedPerson } from '../persons/named-person.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { HandoffRow, HandoffVersionRow } from './handoff-row.ts'

/** Columns of a HandoffRow; `h` is the table. */
export function handoffColumns(tx: Tx) {
  return tx`h.tenant_id, h.id, h.subject_id, h.namespace, h.session_id, h.with_whom, h.version, h.significance,
    h.occurred_at, h.created_at, h.updated_at, h.written_by, h.becoming_by, h.becoming_at, h.fingerprint, h.sealed`
}

export function selectHandoff(tx: Tx, tenantId: string, id: string) {
  return tx<HandoffRow[]>`select ${handoffColumns(tx)} from handoffs h where h.tenant_id = ${tenantId} and h.id = ${id}`
}

/** The handoff of a session. */
export function selectHandoffOfSession(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  namespace: string,
  sessionId: string,
) {
  return tx<HandoffRow[]>`
    select ${handoffColumns(tx)} from handoffs h
    where h.tenant_id = ${tenantId} and h.subject_id = ${subjectId} and h.namespace = ${namespace}
      and h.session_id = ${sessionId}`
}

export function insertHandoff(tx: Tx, row: HandoffRow) {
  return tx`
    insert into handoffs (
      tenant_id, id, subject_id, namespace, session_id, with_whom, version, significance, occurred_at, created_at,
      updated_at, written_by, becoming_by, becoming_at, fingerprint, sealed
    ) values (
      ${row.tenant_id}, ${row.id}, ${row.subject_id}, ${row.namespace}, ${row.session_id}, ${row.with_whom},
      ${row.version}, ${row.significance}, ${row.occurred_at}, ${row.created_at}, ${row.updated_at}, ${row.written_by},
      ${row.becoming_by}, ${row.becoming_at}, ${row.fingerprint}, ${row.sealed}
    )`
}

/** Moves the current version to the replaced ones and writes the next, whose subject is locked. */
export function replaceHandoff(tx: Tx, row: HandoffRow) {
  return tx`
    with kept as (
      insert into handoff_versions (
        tenant_id, handoff_id, version, subject_id, namespace, significance, occurred_at, written_at, written_by,
        replaced_at, sealed
      )
      select tenant_id, id, version, subject_id, namespace, significance, occurred_at, updated_at, written_by,
        ${row.updated_at}, sealed
      from handoffs where tenant_id = ${row.tenant_id} and id = ${row.id}
    )
    update handoffs set version = ${row.version}, with_whom = ${row.with_whom}, significance = ${row.significance},
      occurred_at = ${row.occurred_at}, updated_at = ${row.updated_at}, written_by = ${row.written_by},
      becoming_by = ${row.becoming_by}, becoming_at = ${row.becoming_at}, fingerprint = ${row.fingerprint},
      sealed = ${row.sealed}
    where tenant_id = ${row.tenant_id} and id = ${row.id}`
}

/** Deletes a handoff that is still of this version, with all versions; gives it if it was there. */
export function removeHandoff(tx: Tx, { tenant_id, id, version }: HandoffRow) {
  return tx<{ id: string }[]>`
    with gone as (
      delete from handoffs where tenant_id = ${tenant_id} and id = ${id} and version = ${version} returning id
    ), history as (
      delete from handoff_versions where tenant_id = ${tenant_id} and handoff_id in (select id from gone)
    )
    select id from gone`
}

/** A place in the order of time. */
export interface TimePlace {
  readonly at: string
  readonly id: string
}

type Filters = Partial<Pick<ListHandoffsQuery, 'from' | 'to'>>

/** Handoffs that are not withheld before the place `before`, the latest first; of those with a person, if one is named. */
export function selectHandoffs(
  tx: Tx,
  place: SubjectPlace,
  person: NamedPerson | null,
  { from, to }: Filters,
  before: TimePlace | null,
  limit: number,
) {
  const isWanted: ReturnType<Tx> = tx`
    ${before === null ? tx`` : tx`and (h.occurred_at, h.id) < (${before.at}, ${before.id})`}
    ${from === undefined ? tx`` : tx`and h.occurred_at >= ${from}`}
    ${to === undefined ? tx`` : tx`and h.occurred_at < ${to}`}`
  return ofPerson(tx, place, person, tx`h.occurred_at desc, h.id desc`, limit, isWanted)
}

/** The handoffs of most significance that are not withheld, of those with a person if one is named. */
export function selectWeightiest(tx: Tx, place: SubjectPlace, person: NamedPerson | null, limit: number) {
  return ofPerson(tx, place, person, tx`h.significance desc, h.occurred_at desc`, limit, tx``)
}

/** Whether the memory of the handoff `h` is not withheld. Asked for one by one, since a join may read all memories. */
export function isTold(tx: Tx) {
  return tx`coalesce(
    (select m.standing from memories m where m.tenant_id = h.tenant_id and m.id = h.id limit 1), 1) > 0`
}

/** An index has each name's handoffs in order: the best of each name are few, and the best of all are among them. */
function ofPerson(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  person: NamedPerson | null,
  order: ReturnType<Tx>,
  limit: number,
  isWanted: ReturnType<Tx>,
) {
  const ofSubject = tx`h.tenant_id = ${tenantId} and h.subject_id = ${subjectId} and ${isTold(tx)}`
  if (person === null) {
    return tx<HandoffRow[]>`
      select ${handoffColumns(tx)} from handoffs h where ${ofSubject} ${isWanted} order by ${order} limit ${limit}`
  }
  return tx<HandoffRow[]>`
    select ${handoffColumns(tx)}
    from unnest(${byteaArray(person.fingerprints)}::bytea[]) as called (name)
    cross join lateral (
      select * from handoffs h where ${ofSubject} and h.with_whom = called.name ${isWanted}
      order by ${order} limit ${limit}
    ) as h
    order by ${order} limit ${limit}`
}

/** Versions of a handoff below `before`, newest first, the current one too. */
export function selectHandoffVersions(tx: Tx, tenantId: string, id: string, before: number, limit: number) {
  return tx<HandoffVersionRow[]>`
    select tenant_id, id, subject_id, version, significance, occurred_at, written_by, updated_at as written_at,
      null::timestamptz as replaced_at, sealed
    from handoffs where tenant_id = ${tenantId} and id = ${id} and version < ${before}
    union all
    (
      select tenant_id, handoff_id, subject_id, version, significance, occurred_at, written_by, written_at, replaced_at,
        sealed
      from handoff_versions where tenant_id = ${tenantId} and handoff_id = ${id} and version < ${before}
      order by version desc limit ${limit}
    )
    order by version desc limit ${limit}`
}

/** A box of a handoff, current or replaced. */
export interface HandoffBox {
  readonly id: string
  readonly version: number
  readonly sealed: Buffer
}

/** Boxes of a table that another key than this sealed; a box has the id of its key in the four bytes after the first. */
export function selectHandoffBoxes(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  table: 'handoffs' | 'handoff_versions',
  keyId: Buffer,
  limit: number,
) {
  const id = table === 'handoffs' ? tx`id` : tx`handoff_id as id`
  return tx<HandoffBox[]>`
    select ${id}, version, sealed from ${tx(table)}
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and substring(sealed from 2 for 4) <> ${keyId}
    limit ${limit}`
}

export function updateHandoffBoxes(
  tx: Tx,
  { tenantId }: SubjectPlace,
  table: 'handoffs' | 'handoff_versions',
  boxes: readonly HandoffBox[],
) {
  const id = table === 'handoffs' ? tx`t.id` : tx`t.handoff_id`
  const sealed = byteaArray(boxes.map((box) => box.sealed))
  return tx`
    update ${tx(table)} t set sealed = anew.sealed
    from unnest(
      ${boxes.map((box) => box.id)}::uuid[], ${boxes.map((box) => box.version)}::int[], ${sealed}::bytea[]
    ) as anew (id, version, sealed)
    where t.tenant_id = ${tenantId} and ${id} = anew.id and t.version = anew.version`
}
