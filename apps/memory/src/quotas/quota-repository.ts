import type { Tx } from '@memoric/postgres/lease.ts'
import type { Amount } from './quota-rules.ts'

/** SQLSTATE of `memoric.refuse_over_quota`: a write would take more than a quota allows. */
export const OVER_QUOTA = 'MK002'

/** Quotas of a tenant of its own; null leaves the service's. */
export interface TenantQuotas {
  readonly memories: number | null
  readonly bytes: number | null
  readonly subject_memories: number | null
  readonly subject_bytes: number | null
}

export type SubjectAmount = Amount & { readonly subject_id: string }

/** What subjects store, to the memory: read under their locks it stays so. */
export function selectSubjectAmounts(tx: Tx, tenantId: string, subjectIds: readonly string[]) {
  return tx<SubjectAmount[]>`
    select subject_id, memories, bytes from subjects
    where tenant_id = ${tenantId} and subject_id = any (${[...subjectIds]}::text[])`
}

/** What the subjects of a tenant that the scope shows store together. */
export function selectTenantAmount(tx: Tx, tenantId: string) {
  return tx<Amount[]>`
    select coalesce(sum(memories), 0)::bigint as memories, coalesce(sum(bytes), 0)::bigint as bytes
    from subjects where tenant_id = ${tenantId}`
}

export function selectTenantQuotas(tx: Tx, tenantId: string) {
  return tx<TenantQuotas[]>`
    select memories, bytes, subject_memories, subject_bytes from tenant_quotas where tenant_id = ${tenantId}`
}

/** Lets one change of a tenant's quotas at a time read what holds. */
export function lockTenantQuotas(tx: Tx, tenantId: string) {
  return tx`select pg_advisory_xact_lock(hashtextextended(${tenantId}, 2))`
}

/** Writes all quotas of a tenant. */
export function upsertTenantQuotas(tx: Tx, tenantId: string, quotas: TenantQuotas) {
  return tx<TenantQuotas[]>`
    insert into tenant_quotas (tenant_id, memories, bytes, subject_memories, subject_bytes)
    values (${tenantId}, ${quotas.memories}, ${quotas.bytes}, ${quotas.subject_memories}, ${quotas.subject_bytes})
    on conflict (tenant_id) do update set memories = excluded.memories, bytes = excluded.bytes,
      subject_memories = excluded.subject_memories, subject_bytes = excluded.subject_bytes, updated_at = now()
    returning memories, bytes, subject_memories, subject_bytes`
}
