import type { NodeReader } from '@memoric/crypto/merkle-proof.ts'
import { nodeOfTile, tileOf } from '@memoric/crypto/tlog-tiles.ts'
import { byteaArray } from '@memoric/postgres/array-parameter.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { TileGrowth } from './grow-tree.ts'

/** Adds hashes to the ends of tiles; whoever calls it holds the lock of log_state. */
export function extendTiles(tx: Tx, tiles: readonly TileGrowth[]) {
  return tx`
    insert into log_tiles (level, tile, hashes)
    select * from unnest(
      ${tiles.map(({ level }) => level)}::smallint[], ${tiles.map(({ tile }) => tile)}::bigint[],
      ${byteaArray(tiles.map(({ hashes }) => hashes))}::bytea[]
    )
    on conflict (level, tile) do update set hashes = log_tiles.hashes || excluded.hashes`
}

interface Node {
  readonly height: number
  readonly index: number
}

interface TileRow {
  readonly level: number
  readonly tile: number
  readonly hashes: Buffer
}

/** Reads the tiles behind these nodes at once; the reader that it gives knows those alone. Throws CryptoError `invalid_bytes`. */
export async function readNodes(tx: Tx, nodes: readonly Node[]): Promise<NodeReader> {
  const wanted = new Map(
    nodes.map(({ height, index }) => {
      const address = tileOf(height, index)
      return [nameOf(address), address]
    }),
  )
  const rows = wanted.size === 0 ? [] : await selectTiles(tx, [...wanted.values()])
  const tiles = new Map(rows.map((row) => [nameOf(row), row.hashes]))
  return (height, index) => nodeOfTile(tiles.get(nameOf(tileOf(height, index))) ?? Buffer.alloc(0), height, index)
}

function selectTiles(tx: Tx, addresses: readonly { level: number; tile: number }[]) {
  return tx<TileRow[]>`
    select log_tiles.level, log_tiles.tile, hashes
    from unnest(${addresses.map(({ level }) => level)}::smallint[], ${addresses.map(({ tile }) => tile)}::bigint[])
      as wanted (level, tile)
    join log_tiles on log_tiles.level = wanted.level and log_tiles.tile = wanted.tile`
}

function nameOf({ level, tile }: { readonly level: number; readonly tile: number }): string {
  return `${level} ${tile}`
}
