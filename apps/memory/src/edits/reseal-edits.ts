import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { openReasons, sealReasons } from './edit-box.ts'
import { selectReasonsOfOtherKeys, updateReasons } from './edit-repository.ts'

/** Seals the reasons of up to `limit` edits of older keys under the current one, and gives how many there were. */
export async function resealEdits(tx: Tx, keys: SubjectKeys, place: SubjectPlace, limit: number): Promise<number> {
  const keyId = Buffer.alloc(4)
  keyId.writeUInt32BE(keys.content.current().id)
  const rows = await selectReasonsOfOtherKeys(tx, place, keyId, limit)
  for (const { id, version, sealed } of rows) {
    const at = { ...place, id, version }
    await updateReasons(tx, place.tenantId, id, sealReasons(keys, at, openReasons(keys, at, sealed)))
  }
  return rows.length
}
