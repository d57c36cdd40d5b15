import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { openNames, sealNames } from './person-box.ts'
import { selectPersonsOfOtherKeys, updatePersonBox } from './person-repository.ts'

/** Seals up to `limit` names of older keys under the current one, and gives how many persons there were. */
export async function resealPersons(tx: Tx, keys: SubjectKeys, place: SubjectPlace, limit: number): Promise<number> {
  const id = Buffer.alloc(4)
  id.writeUInt32BE(keys.content.current().id)
  const rows = await selectPersonsOfOtherKeys(tx, place, id, limit)
  for (const row of rows) {
    const at = { ...place, ...row }
    await updatePersonBox(tx, place, row.id, sealNames(keys, at, openNames(keys, at, row.sealed)))
  }
  return rows.length
}
