import { hashLeaf } from '@memoric/crypto/merkle-hash.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { canonicalOf } from './canonical-line.ts'
import { growTree } from './grow-tree.ts'
import { linesFrom } from './line-repository.ts'
import { lockState, type LogState, saveState } from './log-state.ts'
import { extendTiles } from './tile-repository.ts'

/** Lines of one transaction. */
const STRETCH = 5000

/** Takes the lines that the log had before it was a tree into the tree, in their order; gives how many those were. */
export async function takeInOlderLines(sql: Sql): Promise<number> {
  let taken = 0
  for (;;) {
    const count = await systemTransaction(sql, async (tx) => {
      const before = await lockState(tx)
      const after = await takeStretch(tx, before)
      return after.tree.size - before.tree.size
    })
    if (count === 0) return taken
    taken += count
  }
}

/** The same within a transaction that holds the lock: a process from before the upgrade may have added lines meanwhile. */
export async function completeTree(tx: Tx, state: LogState): Promise<LogState> {
  let complete = state
  while (complete.tree.size < complete.size) complete = await takeStretch(tx, complete)
  return complete
}

async function takeStretch(tx: Tx, state: LogState): Promise<LogState> {
  const { size, tree } = state
  if (tree.size === size) return state
  const lines = await linesFrom(tx, tree.size, STRETCH)
  if (lines.length === 0 || lines.some(({ log_index }, at) => log_index !== tree.size + at)) {
    throw new Error(`the log has no line ${tree.size + lines.length}, or has it twice: the tree cannot be made`)
  }
  const grown = growTree(
    tree,
    lines.map((line) => hashLeaf(Buffer.from(canonicalOf(line)))),
  )
  const next = { size, tree: grown.tree }
  await Promise.all([extendTiles(tx, grown.tiles), saveState(tx, next)])
  return next
}
