import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { selectChunksOfOtherKeys, updateChunk } from './chunk-repository.ts'
import { openChunk, sealChunk } from './seal-chunk.ts'

/**
 * Seals up to `limit` chunks of exports that an older version of the subject's key has sealed under the current one, and gives how
 * many there were: before the older key is destroyed, in the same transaction.
 */
export async function resealChunks(tx: Tx, keys: SubjectKeys, place: SubjectPlace, limit: number): Promise<number> {
  const rows = await selectChunksOfOtherKeys(tx, place, keys.content.current().id, limit)
  for (const { export_id, number, sealed } of rows) {
    const at = { ...place, exportId: export_id, number }
    await updateChunk(tx, place, { export_id, number, sealed: sealChunk(keys, at, openChunk(keys, at, sealed)) })
  }
  return rows.length
}
