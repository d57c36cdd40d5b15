import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { resealSegment } from './seal-segment.ts'
import {
  deleteSegments,
  lockSegments,
  selectSegmentsOfOtherKeys,
  type SubjectPlace,
  updateSegment,
} from './segment-repository.ts'

/**
 * Seals up to `limit` segments that an older version of the subject's key has sealed under the current one, and gives how many
 * there were: before the older key is destroyed, in the same transaction. One that cannot be opened is dropped.
 */
export async function resealSegments(tx: Tx, keys: SubjectKeys, place: SubjectPlace, limit: number): Promise<number> {
  const key = keys.index.current()
  const [, rows] = await Promise.all([lockSegments(tx, place), selectSegmentsOfOtherKeys(tx, place, key.id, limit)])
  await Promise.all(
    rows.map(({ segment_id, sealed }) => {
      const anew = resealSegment(keys.index, place, segment_id, sealed)
      return anew === null ? deleteSegments(tx, place, [segment_id]) : updateSegment(tx, place, segment_id, anew)
    }),
  )
  return rows.length
}
