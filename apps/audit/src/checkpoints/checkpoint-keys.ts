import { randomBytes } from 'node:crypto'
import { wipe } from '@memoric/crypto/bytes.ts'
import { openBox, sealBox, type SealingKey } from '@memoric/crypto/sealed-box.ts'
import { createNoteSigner, type NoteSigner, type NoteVerifier, parseVerifierKey } from '@memoric/crypto/signed-note.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { systemFlight, systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import { insertCheckpointKey, selectCheckpointKeys, type StoredCheckpointKey } from './checkpoint-key-repository.ts'

const SEED_LENGTH = 32

/** The keys of the log, ready for use. */
export interface CheckpointKeys {
  readonly version: number
  readonly signer: NoteSigner
  /** Newest first. */
  readonly verifierKeys: readonly string[]
  readonly verifiers: readonly NoteVerifier[]
}

/** The keys of the log. The first process of an installation makes the first one, in the name `origin`. */
export async function ensureCheckpointKeys(sql: Sql, credentials: SealingKey, origin: string): Promise<CheckpointKeys> {
  const stored = await systemTransaction(sql, async (tx) => {
    const known = await selectCheckpointKeys(tx)
    if (known.length > 0) return known
    await insertCheckpointKey(tx, makeKey(credentials, { version: 1, origin }))
    return selectCheckpointKeys(tx)
  })
  return openKeys(credentials, stored)
}

export async function loadCheckpointKeys(sql: Sql, credentials: SealingKey): Promise<CheckpointKeys> {
  const [stored] = await systemFlight(sql, (tx) => [selectCheckpointKeys(tx)])
  return openKeys(credentials, stored)
}

/** Makes the key that signs from now on; the ones before stay published. Gives both, or undefined when another rotation was first. */
export async function rotateCheckpointKey(
  tx: Tx,
  credentials: SealingKey,
): Promise<{ readonly version: number; readonly verifierKey: string; readonly before: string } | undefined> {
  const [current] = await selectCheckpointKeys(tx)
  if (current === undefined) throw new Error('The log has no key yet: start the audit service once.')
  const next = makeKey(credentials, { version: current.version + 1, origin: current.origin })
  const inserted = await insertCheckpointKey(tx, next)
  if (inserted.length === 0) return undefined
  return { version: next.version, verifierKey: next.verifierKey, before: current.verifierKey }
}

function makeKey(
  credentials: SealingKey,
  { version, origin }: Pick<StoredCheckpointKey, 'version' | 'origin'>,
): StoredCheckpointKey {
  const seed = randomBytes(SEED_LENGTH)
  const { verifierKey } = createNoteSigner(origin, seed)
  const sealed = sealBox(credentials, aadOf(version, verifierKey), seed)
  wipe(seed)
  return { version, origin, verifierKey, sealed }
}

function openKeys(credentials: SealingKey, stored: readonly StoredCheckpointKey[]): CheckpointKeys {
  const [current] = stored
  if (current === undefined) throw new Error('the log has no key')
  const seed = openBox(credentials, aadOf(current.version, current.verifierKey), current.sealed)
  const signer = createNoteSigner(current.origin, seed)
  wipe(seed)
  const verifierKeys = stored.map(({ verifierKey }) => verifierKey)
  return { version: current.version, signer, verifierKeys, verifiers: verifierKeys.map(parseVerifierKey) }
}

function aadOf(version: number, verifierKey: string) {
  return ['checkpoint_key', version, verifierKey]
}
