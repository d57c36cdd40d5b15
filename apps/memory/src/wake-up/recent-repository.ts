import type { Tx } from '@memoric/postgres/lease.ts'
import type { MemoryRow } from '../memories/memory-row.ts'
import { recordOf } from '../memories/record-of.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/**
 * Of the newest `looked` memories of a subject those that are no handoffs, notes, tasks or reflections, which have layers of their own.
 */
export function selectNewestMemories(tx: Tx, { tenantId, subjectId }: SubjectPlace, looked: number) {
  return tx<MemoryRow[]>`
    select m.tenant_id, m.id, m.subject_id, m.namespace, m.thread_id, m.session_id, m.seq, m.change, m.version, m.tier,
      m.importance, m.seen_count, m.occurred_at, m.created_at, m.updated_at, m.expires_at, m.summarised_by,
      m.written_by, m.source, m.trust, m.standing, m.withheld, m.sealed
    from (
      select * from memories
      where tenant_id = ${tenantId} and subject_id = ${subjectId} and standing > 0 and (expires_at is null or expires_at > now())
      order by id desc limit ${looked}
    ) as m
    where ${recordOf(tx, tx`m.tenant_id`, tx`m.id`)} is null
      and (select true from reflections r where r.tenant_id = m.tenant_id and r.id = m.id) is null`
}
