import { subtreesOf } from '@memoric/crypto/merkle-tree.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { readNodes } from '../tree/tile-repository.ts'

/** What an exported line carries besides its text. */
export interface LineProof {
  /** Hash of the leaf as it lies in the tree, base64. */
  readonly leaf_hash: string
  /** Hashes of the complete subtrees between the line before and this one. */
  readonly skip?: string[]
}

/** Gives exported lines what joins them to the root of a checkpoint. */
export interface ExportProof {
  /** For the next lines: their places in the log, which go on from those of the call before. */
  lines(tx: Tx, indexes: readonly number[]): Promise<LineProof[]>
  /** What lies behind the last line. */
  readonly rest: (tx: Tx) => Promise<string[]>
}

/** Proof of an export under the checkpoint of this size. */
export function createExportProof(size: number): ExportProof {
  let next = 0
  return {
    async lines(tx, indexes) {
      const gaps = indexes.map((index) => {
        const gap = subtreesOf(next, index)
        next = index + 1
        return gap
      })
      const leaves = indexes.map((index) => ({ height: 0, index }))
      const read = await readNodes(tx, [...leaves, ...gaps.flat()])
      return indexes.map((index, at) => ({ leaf_hash: base64(read(0, index)), ...skipOf((gaps[at] ?? []).map(hash)) }))

      function hash(node: { readonly height: number; readonly index: number }): string {
        return base64(read(node.height, node.index))
      }
    },
    async rest(tx) {
      const nodes = subtreesOf(next, size)
      const read = await readNodes(tx, nodes)
      return nodes.map(({ height, index }) => base64(read(height, index)))
    },
  }
}

function skipOf(hashes: string[]): { readonly skip?: string[] } {
  return hashes.length > 0 ? { skip: hashes } : {}
}

function base64(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('base64')
}
