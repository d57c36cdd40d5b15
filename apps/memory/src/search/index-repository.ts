import type { Tx } from '@memoric/postgres/lease.ts'
import type { MemoryRow } from '../memories/memory-row.ts'

/** Number of the subject's last change. Everything up to it is committed, since writers hold the subject's lock. */
export function selectLastChange(tx: Tx, tenantId: string, subjectId: string) {
  return tx<{ last_change: number }[]>`
    select last_change from subjects where tenant_id = ${tenantId} and subject_id = ${subjectId}`
}

/** What the index needs of a memory; its tenant and subject are those of the index. */
export type IndexRow = Pick<
  MemoryRow,
  | 'id'
  | 'change'
  | 'version'
  | 'namespace'
  | 'thread_id'
  | 'tier'
  | 'importance'
  | 'seen_count'
  | 'occurred_at'
  | 'expires_at'
  | 'sealed'
>

/** Memories that changed after the change `since`, in the order of their changes. */
export function selectChangedMemories(tx: Tx, tenantId: string, subjectId: string, since: number, limit: number) {
  return tx<IndexRow[]>`
    select id, change, version, namespace, thread_id, tier, importance, seen_count, occurred_at, expires_at, sealed
    from memories
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and change > ${since}
    order by change limit ${limit}`
}

/** Memories that were deleted after the change `since`. */
export function selectDeletions(tx: Tx, tenantId: string, subjectId: string, since: number) {
  return tx<{ memory_id: string }[]>`
    select memory_id from memory_deletions
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and change > ${since}`
}
