import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { selectTitlesOfOtherKeys, updateTitleBox } from './thread-repository.ts'
import { openTitle, sealTitle } from './title-box.ts'

/** Seals up to `limit` titles of older keys under the current one, and gives how many there were. */
export async function resealTitles(tx: Tx, keys: SubjectKeys, place: SubjectPlace, limit: number): Promise<number> {
  const id = Buffer.alloc(4)
  id.writeUInt32BE(keys.content.current().id)
  const rows = await selectTitlesOfOtherKeys(tx, place, id, limit)
  for (const row of rows) {
    const at = { ...place, ...row }
    await updateTitleBox(tx, place, row.id, sealTitle(keys, at, openTitle(keys, at, row.sealed)))
  }
  return rows.length
}
