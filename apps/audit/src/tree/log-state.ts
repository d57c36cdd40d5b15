import { HASH_LENGTH } from '@memoric/crypto/merkle-hash.ts'
import type { TreeState } from '@memoric/crypto/merkle-tree.ts'
import type { Tx } from '@memoric/postgres/lease.ts'

/** How far the log is. */
export interface LogState {
  /** Lines of the log. */
  readonly size: number
  /** Covers all of them but after an upgrade, until the lines from before it are taken in. */
  readonly tree: TreeState
}

interface StateRow {
  readonly size: number
  readonly tree_size: number
  readonly peaks: Buffer
}

/** Reads the state and holds its lock: nobody else appends until the transaction ends. */
export async function lockState(tx: Tx): Promise<LogState> {
  return toState(await tx<StateRow[]>`select size, tree_size, peaks from log_state for update`)
}

export async function readState(tx: Tx): Promise<LogState> {
  return toState(await tx<StateRow[]>`select size, tree_size, peaks from log_state`)
}

export function saveState(tx: Tx, { size, tree }: LogState) {
  return tx`update log_state set size = ${size}, tree_size = ${tree.size}, peaks = ${Buffer.concat(tree.peaks)}`
}

function toState([row]: readonly StateRow[]): LogState {
  if (row === undefined) throw new Error('log_state has lost its row')
  const count = row.peaks.length / HASH_LENGTH
  const peaks = Array.from({ length: count }, (_, at) => row.peaks.subarray(at * HASH_LENGTH, (at + 1) * HASH_LENGTH))
  return { size: row.size, tree: { size: row.tree_size, peaks } }
}
