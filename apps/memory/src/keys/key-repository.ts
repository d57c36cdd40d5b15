import type { KekWrapped } from '@memoric/crypto/kek.ts'
import type { Tx } from '@memoric/postgres/lease.ts'

export interface WrappedTenantKey extends KekWrapped {
  readonly version: number
}

export interface WrappedSubjectKey {
  readonly version: number
  readonly wrapped: Buffer
  readonly fingerprint_wrapped: Buffer | null
  readonly tenant_key_version: number
}

/** A version of the key, and whether the subject has withdrawn its consent. */
export interface SubjectKeyRow extends WrappedSubjectKey {
  readonly stopped: boolean | null
}

/** Every version of the tenant's key, newest first. */
export function selectTenantKeys(tx: Tx, tenantId: string) {
  return tx<WrappedTenantKey[]>`
    select version, kek_id as "kekId", wrapped from tenant_keys where tenant_id = ${tenantId} order by version desc`
}

/**
 * Stores a version of the key of a tenant, unless another process was faster; gives the version if it was stored. A tenant whose
 * subjects have keys has had a first one, which nothing can take the place of.
 */
export function insertTenantKey(tx: Tx, tenantId: string, { version, kekId, wrapped }: WrappedTenantKey) {
  return tx<{ version: number }[]>`
    insert into tenant_keys (tenant_id, version, wrapped, kek_id)
    select ${tenantId}, ${version}, ${wrapped}, ${kekId}
    where ${version} > 1 or not exists (select from subject_keys where tenant_id = ${tenantId})
    on conflict do nothing returning version`
}

/** Every version of the subject's key, newest first. */
export function selectSubjectKeys(tx: Tx, tenantId: string, subjectId: string) {
  return tx<SubjectKeyRow[]>`
    select k.version, k.wrapped, k.fingerprint_wrapped, k.tenant_key_version, s.stopped
    from subject_keys k left join subjects s on s.tenant_id = k.tenant_id and s.subject_id = k.subject_id
    where k.tenant_id = ${tenantId} and k.subject_id = ${subjectId} order by k.version desc`
}

/**
 * SQLSTATE of `memoric.require_no_erasure`: the subject is being erased. It throws that of a stale key for a version that an erased key
 * had.
 */
export const ERASING = 'MK004'

/** To be sent before insertSubjectKey, in the same transaction. Throws ERASING, STALE_KEY. */
export function requireNoErasure(tx: Tx, tenantId: string, subjectId: string, version: number) {
  return tx`select memoric.require_no_erasure(${tenantId}, ${subjectId}, ${version})`
}

/**
 * Stores the first key of a subject and its counters, unless another process was faster. A subject that is there without a key gets
 * none: whatever it has could never be read again beside what is written now.
 */
export function insertSubjectKey(tx: Tx, tenantId: string, subjectId: string, key: WrappedSubjectKey) {
  return tx`
    with counters as (
      insert into subjects (tenant_id, subject_id, key_version) values (${tenantId}, ${subjectId}, ${key.version})
      on conflict do nothing returning subject_id
    )
    insert into subject_keys (tenant_id, subject_id, version, wrapped, fingerprint_wrapped, tenant_key_version)
    select ${tenantId}, subject_id, ${key.version}, ${key.wrapped}, ${key.fingerprint_wrapped}, ${key.tenant_key_version}
    from counters
    on conflict do nothing`
}
