import { CryptoError } from './errors.ts'
import { HASH_LENGTH, hashChildren } from './merkle-hash.ts'

/** Hashes of a full tile (C2SP tlog-tiles). */
export const TILE_WIDTH = 256

/** Heights of the tree that a tile spans. */
const TILE_HEIGHT = 8

/** Where a tile is: its level, and its place among those of that level. */
export interface TileAddress {
  readonly level: number
  readonly tile: number
}

/** The tile that holds what the hash of a complete subtree is made of. */
export function tileOf(height: number, index: number): TileAddress {
  const { level, first } = positionOf(height, index)
  return { level, tile: Math.floor(first / TILE_WIDTH) }
}

/**
 * The hash of a complete subtree, from the hashes of its tile one after the other.
 * @throws CryptoError `invalid_bytes` when the tile does not have them all.
 */
export function nodeOfTile(hashes: Uint8Array, height: number, index: number): Uint8Array {
  const { first, width } = positionOf(height, index)
  const from = (first % TILE_WIDTH) * HASH_LENGTH
  if (from + width * HASH_LENGTH > hashes.length) throw new CryptoError('invalid_bytes')
  return fold(hashes, from, width)
}

/** Whether hashes of this height are kept in tiles; gives the level, or undefined. */
export function levelOf(height: number): number | undefined {
  return height % TILE_HEIGHT === 0 ? height / TILE_HEIGHT : undefined
}

function positionOf(height: number, index: number) {
  const width = 2 ** (height % TILE_HEIGHT)
  return { level: Math.floor(height / TILE_HEIGHT), first: index * width, width }
}

function fold(hashes: Uint8Array, from: number, width: number): Uint8Array {
  if (width === 1) return hashes.subarray(from, from + HASH_LENGTH)
  const half = width / 2
  return hashChildren(fold(hashes, from, half), fold(hashes, from + half * HASH_LENGTH, half))
}
