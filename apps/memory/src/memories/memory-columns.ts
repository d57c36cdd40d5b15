import type { Tx } from '@memoric/postgres/lease.ts'

/** Columns of a MemoryRow; `m` is the table. */
export function memoryColumns(tx: Tx, sealed = tx`m.sealed`) {
  return tx`m.tenant_id, m.id, m.subject_id, m.namespace, m.thread_id, m.session_id, m.seq, m.change, m.version, m.tier,
    m.importance, m.seen_count, m.occurred_at, m.created_at, m.updated_at, m.expires_at,
    m.summarised_by, m.written_by, m.source, m.trust, m.standing, m.withheld, ${sealed} as sealed`
}
