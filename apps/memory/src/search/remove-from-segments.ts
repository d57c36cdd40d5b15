import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { removeVectors } from '../embeddings/remove-vectors.ts'
import { selectBlocksAround } from '../embeddings/vector-repository.ts'
import { createPart } from './index-part.ts'
import { idWords } from './memory-ids.ts'
import { mergeSegments } from './merge-segments.ts'
import { sealSegment, unsealSegment } from './seal-segment.ts'
import {
  deleteSegments,
  insertSegment,
  lockSegments,
  type SealedSegment,
  type SegmentRow,
  selectSegmentsAround,
  type SubjectPlace,
} from './segment-repository.ts'
import { bury } from './supersede.ts'

/** A memory that is being deleted. */
export interface RemovedMemory {
  readonly id: string
  readonly seq: number
}

/**
 * Writes every stored segment that has one of the memories, in whichever version, anew without them: in the transaction that deletes
 * them, with the subject locked. Their vectors go, too. A segment that cannot be opened, or for which there are no keys, is dropped.
 */
export async function removeFromSegments(
  tx: Tx,
  keys: SubjectKeys | null,
  place: SubjectPlace,
  memories: readonly RemovedMemory[],
): Promise<void> {
  const seqs = memories.map(({ seq }) => seq)
  const ids = memories.map(({ id }) => idWords(id))
  const [, rows, blocks] = await Promise.all([
    lockSegments(tx, place),
    selectSegmentsAround(tx, place, seqs),
    selectBlocksAround(tx, place, seqs),
  ])
  await removeVectors(
    tx,
    keys,
    place,
    blocks,
    memories.map(({ id }) => id),
  )
  const changes = rows.map((row) => ({ row, anew: keys === null ? null : rewrite(keys, place, row, ids) }))
  const changed = changes.filter(({ anew }) => anew !== 'same')
  if (changed.length === 0) return
  const gone = changed.map(({ row }) => row.segment_id)
  const written = changed.flatMap(({ anew }) =>
    anew === null || anew === 'same' ? [] : insertSegment(tx, place, anew),
  )
  await Promise.all([deleteSegments(tx, place, gone), ...written])
}

/** The segment without the memories; null when it cannot be opened, `same` when it has none of them. */
function rewrite(
  keys: SubjectKeys,
  place: SubjectPlace,
  row: SegmentRow,
  ids: readonly Uint32Array[],
): SealedSegment | null | 'same' {
  const segment = unsealSegment(keys.index, place, row)
  if (typeof segment === 'string') return null
  const part = createPart(segment)
  for (const id of ids) bury([part], id)
  const without = part.deaths === 0 ? null : mergeSegments([part])
  const sealed = without === null ? 'same' : sealSegment(keys.index.current(), place, without)
  segment.bytes.fill(0)
  without?.bytes.fill(0)
  return sealed
}
