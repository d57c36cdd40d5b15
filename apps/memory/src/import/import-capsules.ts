import { tenantId as readTenantId } from '@memoric/contracts/ids.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { sealLabels } from '../capsules/capsule-box.ts'
import { insertCapsule } from '../capsules/capsule-repository.ts'
import type { SharedMemory } from '../capsules/capsule-row.ts'
import type { CapsuleLine } from '../exports/export-lines.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { selectMemories } from '../memories/memory-read-repository.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { IdOfMemory } from './import-records.ts'

/** Writes a capsule with those of its memories that are here, unless it is known, and gives how many that were. */
export async function importCapsule(
  tx: Tx,
  place: SubjectPlace,
  keys: SubjectKeys,
  line: CapsuleLine,
  idOf: IdOfMemory,
): Promise<number> {
  const isOver = Date.parse(line.expires_at) <= Date.now()
  if (isOver || (await isKnownCapsule(tx, place, line))) return 0
  const shared: SharedMemory[] = []
  for (const { memory_id, created_at, version } of line.memories) {
    shared.push({ memory_id: await idOf(memory_id, created_at), version })
  }
  const ids = shared.map(({ memory_id }) => memory_id)
  const rows = await selectMemories(tx, place.tenantId, ids)
  const known = new Set<string>(rows.filter((row) => row.subject_id === place.subjectId).map(({ id }) => id))
  const row = {
    tenant_id: readTenantId.parse(place.tenantId),
    id: line.id,
    subject_id: place.subjectId,
    created_by: line.created_by,
    audience: line.audience,
    created_at: new Date(line.created_at),
    expires_at: new Date(line.expires_at),
    sealed: sealLabels(keys, { ...place, id: line.id }, { name: line.name, note: line.note }),
  }
  await insertCapsule(
    tx,
    row,
    shared.filter(({ memory_id }) => known.has(memory_id)),
  )
  return 1
}

export async function isKnownCapsule(tx: Tx, { tenantId }: SubjectPlace, { id }: CapsuleLine): Promise<boolean> {
  const rows = await tx`select from capsules where tenant_id = ${tenantId} and id = ${id}`
  return rows.length > 0
}
