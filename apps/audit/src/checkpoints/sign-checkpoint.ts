import { encodeCheckpoint, parseCheckpoint } from '@memoric/crypto/checkpoint.ts'
import { equalBytes } from '@memoric/crypto/bytes.ts'
import { verifyConsistency, type TreeHead } from '@memoric/crypto/merkle-proof.ts'
import { rootOf } from '@memoric/crypto/merkle-tree.ts'
import { verifyNote } from '@memoric/crypto/signed-note.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { readConsistencyProof } from '../proofs/prove.ts'
import { readState } from '../tree/log-state.ts'
import type { CheckpointKeys } from './checkpoint-keys.ts'
import { insertCheckpoint, latestCheckpoint, type StoredCheckpoint } from './checkpoint-repository.ts'

/** What the database holds does not continue what was signed. The message says what, for an operator. */
export class ForkedLogError extends Error {
  override readonly name = 'ForkedLogError'
}

/**
 * Signs the tree as it is now, unless it is signed already; undefined then. `seen` is what this process signed last: a log that
 * does not continue it, or the last signed state of the database, is not signed. Throws ForkedLogError.
 */
export async function signCheckpoint(
  tx: Tx,
  keys: CheckpointKeys,
  seen: TreeHead | undefined,
  now: Date,
): Promise<StoredCheckpoint | undefined> {
  // In this order: what is signed when the tree is read was signed over a tree that is no larger.
  const [latest, { tree }] = await Promise.all([latestCheckpoint(tx), readState(tx)])
  if (latest !== undefined) checkSigned(latest, keys)
  const head = { size: tree.size, root: rootOf(tree) }
  for (const before of [latest, seen]) if (before !== undefined) await requireContinuation(tx, before, head)
  if (latest !== undefined && head.size <= latest.size) return undefined
  const note = keys.signer.sign(encodeCheckpoint({ origin: keys.signer.name, ...head }))
  const signed = { ...head, note }
  const [inserted] = await insertCheckpoint(tx, signed, now)
  return inserted === undefined ? undefined : signed
}

/** Somebody who writes into the table of checkpoints does not have the key. */
function checkSigned({ note, size, root }: StoredCheckpoint, { verifiers }: CheckpointKeys): void {
  const said = parseCheckpoint(note)
  const isOurs = verifyNote(note, verifiers).some(({ time }) => time === undefined)
  if (isOurs && said.size === size && equalBytes(said.root, root)) return
  throw new ForkedLogError(`the stored checkpoint of ${size} lines is not one that this log signed`)
}

async function requireContinuation(tx: Tx, before: TreeHead, now: TreeHead): Promise<void> {
  if (before.size === 0) return
  if (before.size > now.size) {
    throw new ForkedLogError(`${before.size} lines were signed, and the tree has ${now.size}: lines were removed`)
  }
  if (!verifyConsistency(before, now, await proofBetween(tx, before.size, now.size))) {
    throw new ForkedLogError(`the tree of ${now.size} lines does not continue the signed one of ${before.size}`)
  }
}

async function proofBetween(tx: Tx, from: number, to: number): Promise<Buffer[]> {
  try {
    return await readConsistencyProof(tx, from, to)
  } catch (cause) {
    throw new ForkedLogError(`the tiles between ${from} and ${to} lines are not complete`, { cause })
  }
}
