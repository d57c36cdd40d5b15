import type { Tx } from '@memoric/postgres/lease.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import { idAt } from '../search/memory-ids.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import { sealBlock, unsealBlock } from './seal-vectors.ts'
import { gatherBlock, newestOf, type VectorBlock } from './vector-block.ts'
import { deleteBlocks, insertBlock, selectBlocksById, selectBlockSizes, selectCurrent } from './vector-repository.ts'

/** Blocks of about the same size are merged when there are `fan` of them, so that each vector is written a few times. */
const LEVELS = [
  { from: 0, below: 64, fan: 8 },
  { from: 64, below: 512, fan: 8 },
  { from: 512, below: 2048, fan: 4 },
] as const

/** Most bytes of blocks that become one: deleting a memory writes its block anew. */
const MOST_BYTES = 4_194_304

/** Makes one block of some small ones, if there are many, with the segments of the subject locked. Vectors of replaced versions go. */
export async function mergeBlocks(tx: Tx, keys: SubjectKeys, place: SubjectPlace, model: string): Promise<void> {
  const chosen = choose(await selectBlockSizes(tx, place, model))
  if (chosen.length < 2) return
  const rows = await selectBlocksById(tx, place, chosen)
  const blocks = rows.map((row) => unsealBlock(keys.index, place, row))
  const usable = blocks.filter((block) => typeof block !== 'string')
  // Whoever reads the others finds out.
  if (usable.length < blocks.length) return
  const newest = newestOf(usable)
  const ids = newest.map(({ block, at }) => idAt(block.ids, at))
  const current = new Map((await selectCurrent(tx, place, ids)).map(({ id, version }) => [id, version]))
  const living = newest.filter(({ block, at }, nth) => current.get(ids[nth] ?? '') === block.versions[at])
  const merged = [...Map.groupBy(living, ({ block }) => block.dimensions).values()].map(gatherBlock)
  await Promise.all([
    deleteBlocks(tx, place, chosen),
    ...merged.map((block) => insertBlock(tx, place, sealBlock(keys.index.current(), place, model, block))),
  ])
  for (const block of [...usable, ...merged]) wipe(block)
}

export interface BlockSize {
  readonly block_id: string
  readonly vectors: number
  readonly bytes: number
}

/** The blocks to merge next; none when there are few small ones. */
export function choose(sizes: readonly BlockSize[]): string[] {
  for (const { from, below, fan } of LEVELS) {
    const alike = sizes.filter(({ vectors }) => vectors >= from && vectors < below)
    if (alike.length < fan) continue
    const chosen: string[] = []
    let bytes = 0
    for (const each of alike) {
      bytes += each.bytes
      if (bytes > MOST_BYTES) break
      chosen.push(each.block_id)
    }
    return chosen
  }
  return []
}

function wipe({ bytes }: VectorBlock): void {
  bytes.fill(0)
}
