import { CryptoError } from '@memoric/crypto/errors.ts'
import type { NodeReader } from '@memoric/crypto/merkle-proof.ts'
import type { NoteVerifier } from '@memoric/crypto/signed-note.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { ActorKeys } from '../personal/actor-keys.ts'
import { linesBetween, linesFrom } from '../tree/line-repository.ts'
import { readNodes } from '../tree/tile-repository.ts'
import { checkDerived } from './check-derived.ts'
import { checkPersonal } from './check-personal.ts'
import { createStoredCheck, MAX_FINDINGS, type StoredCheck, type StoredLogReport } from './stored-check.ts'
import { checkpointsFrom, droppedStretches } from './stored-log-repository.ts'

/** Places of one transaction. */
const STRETCH = 4096
/** Lines behind the last checkpoint that are looked at: there are more only while nothing is signed. */
const BEHIND = 10_000

/**
 * Compares every line with its leaf and the personal data beside it, every leaf with the tree, the tree with every checkpoint that
 * was signed, and what is counted of the lines with them, in bounded memory. What is appended meanwhile is left to the next check.
 */
export async function verifyStoredLog(
  sql: Sql,
  verifiers: readonly NoteVerifier[],
  actorKeys: ActorKeys,
): Promise<StoredLogReport> {
  const [checkpoints, dropped] = await systemTransaction(sql, (tx) =>
    Promise.all([checkpointsFrom(tx), droppedStretches(tx)]),
  )
  const check = createStoredCheck(checkpoints, dropped, verifiers)
  const size = checkpoints.at(-1)?.size ?? 0
  for (let from = 0; from < size; from += STRETCH) {
    const to = Math.min(from + STRETCH, size)
    if (!(await checkStretch(sql, check, from, to))) return check.report()
    check.personal(await checkPersonal(sql, actorKeys, from, to))
  }
  check.beyond(await systemTransaction(sql, (tx) => linesFrom(tx, size, BEHIND)))
  check.derived(await checkDerived(sql, MAX_FINDINGS))
  return check.report()
}

/** False where the tree ends too early to go on. */
async function checkStretch(sql: Sql, check: StoredCheck, from: number, to: number): Promise<boolean> {
  const places = Array.from({ length: to - from }, (_, at) => ({ height: 0, index: from + at }))
  const [lines, read] = await systemTransaction(sql, (tx) =>
    Promise.all([linesBetween(tx, from, to), readNodes(tx, places)]),
  )
  const byPlace = Map.groupBy(lines, ({ log_index }) => log_index)
  for (const { index } of places) {
    const hash = hashAt(read, index)
    if (hash === undefined) {
      check.incomplete()
      return false
    }
    check.place(byPlace.get(index) ?? [], hash)
  }
  return true
}

function hashAt(read: NodeReader, index: number): Uint8Array | undefined {
  try {
    return read(0, index)
  } catch (error) {
    if (error instanceof CryptoError) return undefined
    throw error
  }
}
