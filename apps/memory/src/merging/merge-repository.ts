import type { Tx } from '@memoric/postgres/lease.ts'
import { recordOf } from '../memories/record-of.ts'
import type { MemoryRow } from '../memories/memory-row.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** The newest memories of a subject that are their own and that nothing else stands for. */
export function selectMergeable(tx: Tx, { tenantId, subjectId }: SubjectPlace, limit: number) {
  return tx<MemoryRow[]>`
    select m.tenant_id, m.id, m.subject_id, m.namespace, m.thread_id, m.session_id, m.seq, m.change, m.version, m.tier,
      m.importance, m.seen_count, m.occurred_at, m.created_at, m.updated_at, m.expires_at, m.summarised_by,
      m.written_by, m.source, m.trust, m.standing, m.withheld, m.sealed
    from memories m
    where m.tenant_id = ${tenantId} and m.subject_id = ${subjectId} and m.summarised_by is null and m.standing = 1
      and (m.expires_at is null or m.expires_at > now()) and ${isFree(tx)}
    order by m.id desc limit ${limit}`
}

/** Which of these memories belong to something else: a record, or a consolidation. */
export function selectBound(tx: Tx, tenantId: string, ids: readonly string[]) {
  return tx<{ id: string }[]>`
    select m.id from memories m
    where m.tenant_id = ${tenantId} and m.id = any (${[...ids]}::uuid[]) and not ${isFree(tx)}`
}

function isFree(tx: Tx) {
  return tx`(${recordOf(tx, tx`m.tenant_id`, tx`m.id`)} is null
    and (select true from reflections r where r.tenant_id = m.tenant_id and r.id = m.id) is null)`
}
