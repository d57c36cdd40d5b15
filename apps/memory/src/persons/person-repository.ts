import { byteaArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

export interface PersonRow {
  readonly id: string
  readonly version: number
  readonly updated_at: Date
  readonly sealed: Buffer
}

/** The fingerprints of all names of whoever goes by the name; its own alone when that is nobody who is known. */
export function selectNamesOf(tx: Tx, { tenantId, subjectId }: SubjectPlace, name: Buffer) {
  return tx<{ name: Buffer }[]>`
    select ${name}::bytea as name
    union
    select others.name from person_names known
    join person_names others using (tenant_id, subject_id, person_id)
    where known.tenant_id = ${tenantId} and known.subject_id = ${subjectId} and known.name = ${name}`
}

/** Who goes by each of some names. */
export function selectOwners(tx: Tx, { tenantId, subjectId }: SubjectPlace, names: readonly Buffer[]) {
  return tx<{ name: Buffer; person_id: string }[]>`
    select name, person_id from person_names
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and name = any (${byteaArray(names)}::bytea[])`
}

export function selectPerson(tx: Tx, { tenantId, subjectId }: SubjectPlace, id: string) {
  return tx<PersonRow[]>`
    select id, version, updated_at, sealed from persons
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and id = ${id}`
}

/** Persons after the person `after`, in the order in which they were made; with `name` the one who goes by it. */
export function selectPersons(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  name: Buffer | null,
  after: string | null,
  limit: number,
) {
  return tx<PersonRow[]>`
    select id, version, updated_at, sealed from persons p
    where tenant_id = ${tenantId} and subject_id = ${subjectId}
      ${after === null ? tx`` : tx`and id > ${after}`}
      ${
        name === null
          ? tx``
          : tx`and id in (
            select person_id from person_names
            where tenant_id = ${tenantId} and subject_id = ${subjectId} and name = ${name}
          )`
      }
    order by id limit ${limit}`
}

/** Writes a person, whole, in the place of what was there. */
export function upsertPerson(
  tx: Tx,
  { tenantId, subjectId }: SubjectPlace,
  { id, version, updated_at, sealed }: PersonRow,
) {
  return tx`
    insert into persons (tenant_id, subject_id, id, version, updated_at, sealed)
    values (${tenantId}, ${subjectId}, ${id}, ${version}, ${updated_at}, ${sealed})
    on conflict (tenant_id, subject_id, id) do update
      set version = excluded.version, updated_at = excluded.updated_at, sealed = excluded.sealed`
}

/** Gives a person these names and no others. */
export function replaceNames(tx: Tx, { tenantId, subjectId }: SubjectPlace, id: string, names: readonly Buffer[]) {
  const all = byteaArray(names)
  return tx`
    with gone as (
      delete from person_names
      where tenant_id = ${tenantId} and subject_id = ${subjectId} and person_id = ${id}
        and not (name = any (${all}::bytea[]))
    )
    insert into person_names (tenant_id, subject_id, name, person_id)
    select ${tenantId}, ${subjectId}, name, ${id} from unnest(${all}::bytea[]) as t (name)
    on conflict do nothing`
}

/** Names that another key than this sealed. */
export function selectPersonsOfOtherKeys(tx: Tx, { tenantId, subjectId }: SubjectPlace, keyId: Buffer, limit: number) {
  return tx<PersonRow[]>`
    select id, version, updated_at, sealed from persons
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and substring(sealed from 2 for 4) <> ${keyId}
    limit ${limit}`
}

export function updatePersonBox(tx: Tx, { tenantId, subjectId }: SubjectPlace, id: string, sealed: Buffer) {
  return tx`
    update persons set sealed = ${sealed}
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and id = ${id}`
}
