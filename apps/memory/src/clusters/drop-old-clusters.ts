import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { dropClusters } from './cluster-repository.ts'

/** Drops the clusters of a subject when one of them is under an older key: they are built anew when somebody asks for them. */
export async function dropOldClusters(tx: Tx, keys: SubjectKeys, place: SubjectPlace): Promise<void> {
  const id = Buffer.alloc(4)
  id.writeUInt32BE(keys.content.current().id)
  const [old] = await tx`
    select 1 from clusters
    where tenant_id = ${place.tenantId} and subject_id = ${place.subjectId} and substring(sealed from 2 for 4) <> ${id}
    limit 1`
  if (old !== undefined) await dropClusters(tx, place)
}
