import { randomBytes, randomInt } from 'node:crypto'
import { readConsistencyProof, readInclusionProof } from '@memoric/app-audit/proofs/prove.ts'
import { growTree } from '@memoric/app-audit/tree/grow-tree.ts'
import { lockState, saveState } from '@memoric/app-audit/tree/log-state.ts'
import { extendTiles } from '@memoric/app-audit/tree/tile-repository.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { type AuditRow, percentile, spread, timesOf } from './audit-row.ts'
import type { AuditBench } from './open-audit-bench.ts'

const STRETCH = 50_000
const PROOFS = 500
const LIMIT_MS = 5

/** Proofs in a tree of `size` leaves, most of them without lines. */
export async function measureProofs({ sql }: AuditBench, size: number): Promise<AuditRow[]> {
  for (let at = 0; at < size;) {
    at = await systemTransaction(sql, async (tx) => {
      const { tree } = await lockState(tx)
      const leaves = Array.from({ length: Math.min(STRETCH, size - tree.size) }, () => randomBytes(32))
      const grown = growTree(tree, leaves)
      if (leaves.length > 0) {
        await Promise.all([extendTiles(tx, grown.tiles), saveState(tx, { size: grown.tree.size, tree: grown.tree })])
      }
      return grown.tree.size
    })
  }
  const inclusion = await timesOf(PROOFS, () =>
    systemTransaction(sql, (tx) => readInclusionProof(tx, randomInt(size), size)),
  )
  const consistency = await timesOf(PROOFS, () =>
    systemTransaction(sql, (tx) => readConsistencyProof(tx, randomInt(1, size), size)),
  )
  return [row('proof of inclusion', size, inclusion), row('proof of consistency', size, consistency)]
}

function row(what: string, size: number, taken: readonly number[]): AuditRow {
  return {
    what: `${what} in a tree of ${size} leaves`,
    seen: spread(taken, 99),
    budget: `median < ${LIMIT_MS} ms`,
    kept: percentile(taken, 0.5) < LIMIT_MS,
  }
}
