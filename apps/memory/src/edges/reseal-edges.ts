import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { openProperties, sealProperties } from './edge-box.ts'
import { selectEdgesOfOtherKeys, updateEdgeBox } from './edge-repository.ts'

/** Seals up to `limit` properties of older keys under the current one, and gives how many there were. */
export async function resealEdges(tx: Tx, keys: SubjectKeys, place: SubjectPlace, limit: number): Promise<number> {
  const keyId = Buffer.alloc(4)
  keyId.writeUInt32BE(keys.content.current().id)
  const rows = await selectEdgesOfOtherKeys(tx, place, keyId, limit)
  for (const { id, sealed } of rows) {
    const at = { ...place, id }
    await updateEdgeBox(tx, place.tenantId, id, sealProperties(keys, at, openProperties(keys, at, sealed)))
  }
  return rows.length
}
