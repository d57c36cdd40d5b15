import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { CapsuleRow, SharedMemory } from './capsule-row.ts'

function columns(tx: Tx) {
  return tx`c.tenant_id, c.id, c.subject_id, c.created_by, c.audience, c.created_at, c.expires_at, c.sealed,
    (select count(*)::int from capsule_memories m where m.tenant_id = c.tenant_id and m.capsule_id = c.id) as memories`
}

/** Who asks for capsules; of all of the tenant, or of those that it made, may open, or that are about it. */
export interface CapsuleReader {
  /** `<type>:<id>` */
  readonly name: string
  /** The subject that the reader is itself; null for a program. */
  readonly ownSubject: string | null
  readonly seesAll: boolean
}

function isFor(tx: Tx, { name, ownSubject, seesAll }: CapsuleReader) {
  if (seesAll) return tx`true`
  return tx`(c.created_by = ${name} or c.audience @> array[${name}]::text[] or c.subject_id = ${ownSubject})`
}

/** The capsule with this id, if its time is not over and it is for the reader. */
export function selectCapsule(tx: Tx, tenantId: string, id: string, reader: CapsuleReader) {
  return tx<CapsuleRow[]>`
    select ${columns(tx)} from capsules c
    where c.tenant_id = ${tenantId} and c.id = ${id} and c.expires_at > now() and ${isFor(tx, reader)}`
}

/** A page of capsules for the reader, newest first, that come before the capsule `beforeId`. */
export function selectCapsulePage(
  tx: Tx,
  tenantId: string,
  reader: CapsuleReader,
  beforeId: string | null,
  limit: number,
) {
  return tx<CapsuleRow[]>`
    select ${columns(tx)} from capsules c
    where c.tenant_id = ${tenantId} and c.expires_at > now() and ${isFor(tx, reader)}
      ${beforeId === null ? tx`` : tx`and c.id < ${beforeId}`}
    order by c.id desc limit ${limit}`
}

/** Capsules of a subject after the one with this id, oldest first. */
export function selectCapsulesAfter(tx: Tx, { tenantId, subjectId }: SubjectPlace, after: string | null, max: number) {
  return tx<CapsuleRow[]>`
    select ${columns(tx)} from capsules c
    where c.tenant_id = ${tenantId} and c.subject_id = ${subjectId} and c.expires_at > now()
      and (${after}::uuid is null or c.id > ${after})
    order by c.id limit ${max}`
}

/** What is in a capsule, in the order in which it was put there. */
export function selectShared(tx: Tx, tenantId: string, capsuleId: string) {
  return tx<SharedMemory[]>`
    select memory_id, version from capsule_memories
    where tenant_id = ${tenantId} and capsule_id = ${capsuleId} order by nth`
}

/** Writes a capsule with what is in it. The subject is locked. */
export function insertCapsule(tx: Tx, row: Omit<CapsuleRow, 'memories'>, shared: readonly SharedMemory[]) {
  return tx`
    with made as (
      insert into capsules (tenant_id, id, subject_id, created_by, audience, created_at, expires_at, sealed)
      values (
        ${row.tenant_id}, ${row.id}, ${row.subject_id}, ${row.created_by}, ${[...row.audience]}::text[],
        ${row.created_at}, ${row.expires_at}, ${row.sealed}
      )
    )
    insert into capsule_memories (tenant_id, capsule_id, memory_id, subject_id, version, nth)
    select ${row.tenant_id}, ${row.id}, memory_id, ${row.subject_id}, version, nth
    from unnest(
      ${shared.map(({ memory_id }) => memory_id)}::uuid[], ${shared.map(({ version }) => version)}::int[]
    ) with ordinality as t (memory_id, version, nth)`
}

/** Removes a capsule; gives a row when it was there. */
export function deleteCapsule(tx: Tx, tenantId: string, id: string) {
  return tx`
    with shared as (delete from capsule_memories where tenant_id = ${tenantId} and capsule_id = ${id})
    delete from capsules where tenant_id = ${tenantId} and id = ${id} returning 1`
}

/** Capsules of any tenant whose time is over; in the system scope. */
export function selectDueCapsules(tx: Tx, limit: number) {
  return tx<Pick<CapsuleRow, 'tenant_id' | 'id' | 'subject_id'>[]>`
    select tenant_id, id, subject_id from capsules where expires_at <= now() order by expires_at limit ${limit}`
}

/** Labels that another key than this sealed; a box has the id of its key in the four bytes after the first. */
export function selectLabelsOfOtherKeys(tx: Tx, { tenantId, subjectId }: SubjectPlace, keyId: Buffer, limit: number) {
  return tx<Pick<CapsuleRow, 'id' | 'sealed'>[]>`
    select id, sealed from capsules
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and substring(sealed from 2 for 4) <> ${keyId}
    limit ${limit}`
}

export function updateLabels(tx: Tx, tenantId: string, id: string, sealed: Buffer) {
  return tx`update capsules set sealed = ${sealed} where tenant_id = ${tenantId} and id = ${id}`
}
