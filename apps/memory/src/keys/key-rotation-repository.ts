import type { TenantId } from '@memoric/contracts/ids.ts'
import { byteaArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { WrappedSubjectKey } from './key-repository.ts'

export interface KeyRotationRow {
  readonly tenant_id: TenantId
  readonly id: string
  readonly subject_id: string | null
  readonly to_version: number
  readonly state: 'running' | 'done'
  readonly total: number
  readonly done: number
  readonly place: string | null
  readonly created_at: Date
  readonly finished_at: Date | null
}

export interface NewKeyRotation extends Pick<KeyRotationRow, 'tenant_id' | 'id' | 'subject_id' | 'to_version'> {
  readonly requested_by: string
}

function columns(tx: Tx) {
  return tx`tenant_id, id, subject_id, to_version, state, total, done, place, created_at, finished_at`
}

/** Begins a rotation; `total` is how much there is to do now. Throws a unique violation while another of the same key runs. */
export function insertKeyRotation(tx: Tx, { tenant_id, id, subject_id, to_version, requested_by }: NewKeyRotation) {
  const total =
    subject_id === null
      ? tx`select count(*) from subject_keys where tenant_id = ${tenant_id}`
      : tx`select count(*) from memories where tenant_id = ${tenant_id} and subject_id = ${subject_id}`
  return tx<KeyRotationRow[]>`
    insert into key_rotations (tenant_id, id, subject_id, to_version, state, total, requested_by)
    values (${tenant_id}, ${id}, ${subject_id}, ${to_version}, 'running', (${total}), ${requested_by})
    returning ${columns(tx)}`
}

export function selectKeyRotation(tx: Tx, tenantId: string, id: string) {
  return tx<KeyRotationRow[]>`select ${columns(tx)} from key_rotations where tenant_id = ${tenantId} and id = ${id}`
}

/** The rotation of this key that runs, if one does. */
export function selectRunningRotation(tx: Tx, tenantId: string, subjectId: string | null) {
  return tx<KeyRotationRow[]>`
    select ${columns(tx)} from key_rotations
    where tenant_id = ${tenantId} and coalesce(subject_id, '') = ${subjectId ?? ''} and state = 'running'`
}

/** Newest first: ids ascend with time. */
export function selectKeyRotations(tx: Tx, tenantId: string, before: string | null, max: number) {
  return tx<KeyRotationRow[]>`
    select ${columns(tx)} from key_rotations
    where tenant_id = ${tenantId} and (${before}::uuid is null or id < ${before}) order by id desc limit ${max}`
}

/** What is to be gone on with, oldest first: ids ascend with time. In the system scope. */
export function selectRunningRotations(tx: Tx, after: string | null, max: number) {
  return tx<KeyRotationRow[]>`
    select ${columns(tx)} from key_rotations
    where state = 'running' and (${after}::uuid is null or id > ${after}) order by id limit ${max}`
}

/** The rotation, if it still runs and no other process works on it; it is ours until the transaction ends. */
export function lockRotation(tx: Tx, { tenant_id, id }: KeyRotationRow) {
  return tx<KeyRotationRow[]>`
    select ${columns(tx)} from key_rotations
    where tenant_id = ${tenant_id} and id = ${id} and state = 'running' for update skip locked`
}

export function noteProgress(tx: Tx, { tenant_id, id }: KeyRotationRow, more: number, place: string | null) {
  return tx`
    update key_rotations set done = done + ${more}, place = coalesce(${place}::uuid, place)
    where tenant_id = ${tenant_id} and id = ${id}`
}

export function finishRotation(tx: Tx, { tenant_id, id }: KeyRotationRow) {
  return tx`
    update key_rotations set state = 'done', finished_at = now() where tenant_id = ${tenant_id} and id = ${id}`
}

export interface NamedSubjectKey extends WrappedSubjectKey {
  readonly subject_id: string
}

/** Keys of subjects that an older version of the tenant's key wraps; locked. */
export function lockOldSubjectKeys(tx: Tx, tenantId: string, version: number, max: number) {
  return tx<NamedSubjectKey[]>`
    select subject_id, version, wrapped, fingerprint_wrapped, tenant_key_version from subject_keys
    where tenant_id = ${tenantId} and tenant_key_version < ${version}
    order by tenant_key_version, subject_id, version limit ${max} for update`
}

export function updateSubjectKeys(tx: Tx, tenantId: string, keys: readonly NamedSubjectKey[]) {
  return tx`
    update subject_keys k
    set wrapped = anew.wrapped, fingerprint_wrapped = anew.fingerprint_wrapped, tenant_key_version = anew.tenant_version
    from unnest(
      ${keys.map((key) => key.subject_id)}::text[], ${keys.map((key) => key.version)}::int[],
      ${byteaArray(keys.map((key) => key.wrapped))}::bytea[],
      ${byteaArray(keys.map((key) => key.fingerprint_wrapped))}::bytea[],
      ${keys.map((key) => key.tenant_key_version)}::int[]
    ) as anew (subject_id, version, wrapped, fingerprint_wrapped, tenant_version)
    where k.tenant_id = ${tenantId} and k.subject_id = anew.subject_id and k.version = anew.version`
}

/** Destroys what the new version of a tenant's key has replaced. Throws a foreign key violation while something needs it. */
export function deleteOldTenantKeys(tx: Tx, tenantId: string, version: number) {
  return tx`delete from tenant_keys where tenant_id = ${tenantId} and version < ${version}`
}

/** Destroys what the new version of a subject's key has replaced. */
export function deleteOldSubjectKeys(tx: Tx, tenantId: string, subjectId: string, version: number) {
  return tx`
    delete from subject_keys where tenant_id = ${tenantId} and subject_id = ${subjectId} and version < ${version}`
}

/** Stores the next version of a subject's key and makes it the one to write with; the subject is locked. */
export function insertNextSubjectKey(tx: Tx, tenantId: string, subjectId: string, key: WrappedSubjectKey) {
  return tx`
    with stored as (
      insert into subject_keys (tenant_id, subject_id, version, wrapped, fingerprint_wrapped, tenant_key_version)
      values (${tenantId}, ${subjectId}, ${key.version}, ${key.wrapped}, ${key.fingerprint_wrapped},
        ${key.tenant_key_version})
    )
    update subjects set key_version = ${key.version} where tenant_id = ${tenantId} and subject_id = ${subjectId}`
}

/** A box of a memory, current or replaced, and what decides where it opens. */
export interface SealedBox {
  readonly id: string
  readonly version: number
  readonly sealed: Buffer
}

/** Boxes of the memories that come after `place`, by id. */
export function selectBoxes(tx: Tx, { tenant_id, subject_id, place }: KeyRotationRow, max: number) {
  return tx<SealedBox[]>`
    select id, version, sealed from memories
    where tenant_id = ${tenant_id} and subject_id = ${subject_id} and (${place}::uuid is null or id > ${place})
    order by id limit ${max}`
}

export function selectOldBoxes(tx: Tx, tenantId: string, memoryIds: readonly string[]) {
  return tx<SealedBox[]>`
    select memory_id as id, version, sealed from memory_versions
    where tenant_id = ${tenantId} and memory_id = any (${[...memoryIds]}::uuid[])`
}

export function updateBoxes(
  tx: Tx,
  table: 'memories' | 'memory_versions',
  tenantId: string,
  boxes: readonly SealedBox[],
) {
  const id = table === 'memories' ? tx`t.id` : tx`t.memory_id`
  return tx`
    update ${tx(table)} t set sealed = anew.sealed
    from unnest(
      ${boxes.map((box) => box.id)}::uuid[], ${boxes.map((box) => box.version)}::int[],
      ${byteaArray(boxes.map((box) => box.sealed))}::bytea[]
    ) as anew (id, version, sealed)
    where t.tenant_id = ${tenantId} and ${id} = anew.id and t.version = anew.version`
}
