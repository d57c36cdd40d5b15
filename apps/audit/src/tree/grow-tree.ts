import { levelOf, tileOf } from '@memoric/crypto/tlog-tiles.ts'
import { appendLeaves, type TreeState } from '@memoric/crypto/merkle-tree.ts'

/** Hashes that are added to the end of a tile. */
export interface TileGrowth {
  readonly level: number
  readonly tile: number
  readonly hashes: Buffer
}

/** The tree after these leaves, and what its tiles gain. */
export function growTree(
  tree: TreeState,
  leafHashes: readonly Uint8Array[],
): { readonly tree: TreeState; readonly tiles: readonly TileGrowth[] } {
  const gains = new Map<string, { level: number; tile: number; hashes: Uint8Array[] }>()
  const grown = appendLeaves(tree, leafHashes, (height, index, hash) => {
    if (levelOf(height) === undefined) return
    const { level, tile } = tileOf(height, index)
    const name = `${level} ${tile}`
    const gain = gains.get(name)
    if (gain === undefined) gains.set(name, { level, tile, hashes: [hash] })
    else gain.hashes.push(hash)
  })
  const tiles = [...gains.values()].map(({ level, tile, hashes }) => ({ level, tile, hashes: Buffer.concat(hashes) }))
  return { tree: grown, tiles }
}
