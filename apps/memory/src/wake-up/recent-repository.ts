import type { Tx } from '@memoric/postgres/lease.ts'
import type { MemoryRow } from '../memories/memory-row.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/**
 * Of the newest `looked` memories of a subject those that are no handoffs. Asked for one by one, since a join may read all handoffs.
 */
export function selectNewestMemories(tx: Tx, { tenantId, subjectId }: SubjectPlace, looked: number) {
  return tx<MemoryRow[]>`
    select m.tenant_id, m.id, m.subject_id, m.namespace, m.thread_id, m.session_id, m.seq, m.change, m.version, m.tier,
      m.importance, m.seen_count, m.occurred_at, m.created_at, m.updated_at, m.expires_at, m.sealed
    from (
      select * from memories
      where tenant_id = ${tenantId} and subject_id = ${subjectId} and (expires_at is null or expires_at > now())
      order by id desc limit ${looked}
    ) as m
    where (select true from handoffs h where h.tenant_id = m.tenant_id and h.id = m.id limit 1) is null`
}
