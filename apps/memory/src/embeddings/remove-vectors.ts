import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { idAt } from '../search/memory-ids.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { sealBlock, unsealBlock } from './seal-vectors.ts'
import { gatherBlock, newestOf } from './vector-block.ts'
import { type BlockRow, deleteBlocks, insertBlock, restartSubject, type SealedBlock } from './vector-repository.ts'

/** A block that has to go, and what stands in its place. */
interface Rewritten {
  readonly row: BlockRow
  readonly anew: SealedBlock | null
  readonly isLost: boolean
}

/**
 * Writes blocks of vectors anew without those of some memories, in the transaction that deletes them, with the segments of the subject
 * locked. A block that cannot be opened is dropped, and what was in it is asked for again.
 */
export async function removeVectors(
  tx: Tx,
  keys: SubjectKeys | null,
  place: SubjectPlace,
  rows: readonly BlockRow[],
  memoryIds: readonly string[],
): Promise<void> {
  const gone = new Set(memoryIds)
  const rewritten = rows.flatMap((row) => rewrite(keys, place, row, gone) ?? [])
  if (rewritten.length === 0) return
  await Promise.all([
    deleteBlocks(
      tx,
      place,
      rewritten.map(({ row }) => row.block_id),
    ),
    ...rewritten.flatMap(({ anew }) => (anew === null ? [] : insertBlock(tx, place, anew))),
    ...rewritten.flatMap(({ row, isLost }) => (isLost ? restartSubject(tx, place, row.model) : [])),
  ])
}

/** Undefined when none of the memories is in the block. */
function rewrite(
  keys: SubjectKeys | null,
  place: SubjectPlace,
  row: BlockRow,
  gone: ReadonlySet<string>,
): Rewritten | undefined {
  const block = keys === null ? 'key' : unsealBlock(keys.index, place, row)
  if (keys === null || typeof block === 'string') return { row, anew: null, isLost: true }
  const left = newestOf([block]).filter(({ at }) => !gone.has(idAt(block.ids, at)))
  const without = gatherBlock(left)
  const anew = left.length === 0 ? null : sealBlock(keys.index.current(), place, row.model, without)
  const isSame = left.length === block.count
  block.bytes.fill(0)
  without.bytes.fill(0)
  return isSame ? undefined : { row, anew, isLost: false }
}
