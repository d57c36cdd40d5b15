import {
  nodesForConsistency,
  nodesForInclusion,
  proveConsistency,
  proveInclusion,
} from '@memoric/crypto/merkle-proof.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { readNodes } from '../tree/tile-repository.ts'

/** Audit path of a leaf in the tree of this size, from the leaf upwards. */
export async function readInclusionProof(tx: Tx, index: number, size: number): Promise<Buffer[]> {
  const read = await readNodes(tx, nodesForInclusion(index, size))
  return proveInclusion(index, size, read)
}

/** Proof that the tree of size `from` is the beginning of the one of size `to`. */
export async function readConsistencyProof(tx: Tx, from: number, to: number): Promise<Buffer[]> {
  const read = await readNodes(tx, nodesForConsistency(from, to))
  return proveConsistency(from, to, read)
}
