import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { lockSegments, type SubjectPlace } from '../search/segment-repository.ts'
import { resealBlock } from './seal-vectors.ts'
import { deleteBlocks, restartSubject, selectBlocksOfOtherKeys, updateBlock } from './vector-repository.ts'

/**
 * Seals up to `limit` blocks of vectors that an older version of the subject's key has sealed under the current one, and gives how many
 * there were. One that cannot be opened is dropped, and its vectors are asked for again.
 */
export async function resealVectors(tx: Tx, keys: SubjectKeys, place: SubjectPlace, limit: number): Promise<number> {
  const key = keys.index.current()
  const [, rows] = await Promise.all([lockSegments(tx, place), selectBlocksOfOtherKeys(tx, place, key.id, limit)])
  await Promise.all(
    rows.flatMap((row) => {
      const anew = resealBlock(keys.index, place, row)
      if (anew !== null) return [updateBlock(tx, place, row.block_id, anew)]
      return [deleteBlocks(tx, place, [row.block_id]), restartSubject(tx, place, row.model)]
    }),
  )
  return rows.length
}
