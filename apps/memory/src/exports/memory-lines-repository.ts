import type { Tx } from '@memoric/postgres/lease.ts'
import type { VersionRow } from '../memories/memory-read-repository.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'

/** Opens a cursor on the ids of the live memories of a subject by their numbers; one for each transaction. */
export function declareMemoryIds(tx: Tx, { tenantId, subjectId }: SubjectPlace) {
  return tx`
    declare memory_ids no scroll cursor for
    select id from memories
    where tenant_id = ${tenantId} and subject_id = ${subjectId} and (expires_at is null or expires_at > now())
    order by seq`
}

export async function fetchMemoryIds(tx: Tx, max: number): Promise<string[]> {
  const rows = await tx.unsafe<{ id: string }[]>(`fetch ${max} from memory_ids`)
  return rows.map(({ id }) => id)
}

/** Replaced versions of a memory above the version `after`, oldest first. */
export function selectVersionsAfter(tx: Tx, tenantId: string, memoryId: string, after: number, max: number) {
  return tx<VersionRow[]>`
    select tenant_id, memory_id as id, subject_id, version, tier, importance, occurred_at, expires_at,
      written_at, replaced_at, written_by, source, trust, sealed
    from memory_versions where tenant_id = ${tenantId} and memory_id = ${memoryId} and version > ${after}
    order by version limit ${max}`
}

export function countMemories(tx: Tx, tenantId: string, subjectId: string | null) {
  return tx<{ count: number }[]>`
    select count(*) as count from memories
    where tenant_id = ${tenantId} and (${subjectId}::text is null or subject_id = ${subjectId})
      and (expires_at is null or expires_at > now())`
}
