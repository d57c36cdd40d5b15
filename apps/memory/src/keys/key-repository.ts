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

/** Every version of the tenant's key, newest first. */
export function selectTenantKeys(tx: Tx, tenantId: string) {
  return tx<WrappedTenantKey[]>`
    select version, kek_id as "kekId", wrapped from tenant_keys where tenant_id = ${tenantId} order by version desc`
}

/** Stores a version of the key of a tenant, unless another process was faster; gives the version if it was stored. */
export function insertTenantKey(tx: Tx, tenantId: string, { version, kekId, wrapped }: WrappedTenantKey) {
  return tx<{ version: number }[]>`
    insert into tenant_keys (tenant_id, version, wrapped, kek_id)
    values (${tenantId}, ${version}, ${wrapped}, ${kekId})
    on conflict do nothing returning version`
}

/** Every version of the subject's key, newest first. */
export function selectSubjectKeys(tx: Tx, tenantId: string, subjectId: string) {
  return tx<WrappedSubjectKey[]>`
    select version, wrapped, fingerprint_wrapped, tenant_key_version from subject_keys
    where tenant_id = ${tenantId} and subject_id = ${subjectId} order by version desc`
}

/** Stores the first key of a subject and its counters, unless another process was faster. */
export function insertSubjectKey(tx: Tx, tenantId: string, subjectId: string, key: WrappedSubjectKey) {
  return tx`
    with counters as (
      insert into subjects (tenant_id, subject_id) values (${tenantId}, ${subjectId}) on conflict do nothing
    )
    insert into subject_keys (tenant_id, subject_id, version, wrapped, fingerprint_wrapped, tenant_key_version)
    values (${tenantId}, ${subjectId}, ${key.version}, ${key.wrapped}, ${key.fingerprint_wrapped},
      ${key.tenant_key_version})
    on conflict do nothing`
}
