import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { openLabels, sealLabels } from './capsule-box.ts'
import { selectLabelsOfOtherKeys, updateLabels } from './capsule-repository.ts'

/** Seals the labels of up to `limit` capsules of older keys under the current one, and gives how many there were. */
export async function resealCapsules(tx: Tx, keys: SubjectKeys, place: SubjectPlace, limit: number): Promise<number> {
  const keyId = Buffer.alloc(4)
  keyId.writeUInt32BE(keys.content.current().id)
  const rows = await selectLabelsOfOtherKeys(tx, place, keyId, limit)
  for (const { id, sealed } of rows) {
    const at = { ...place, id }
    await updateLabels(tx, place.tenantId, id, sealLabels(keys, at, openLabels(keys, at, sealed)))
  }
  return rows.length
}
