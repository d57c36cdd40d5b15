import { type NoteVerifier, parseVerifierKey, textOf, verifyNote } from '@memoric/crypto/signed-note.ts'
import { encodeWitnessRequest } from '@memoric/crypto/witness-request.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { systemFlight, systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { OutboundFetch } from '@memoric/service/outbound-fetch.ts'
import { insertCosignature, lastCosigned, type StoredCheckpoint } from '../checkpoints/checkpoint-repository.ts'
import { readConsistencyProof } from '../proofs/prove.ts'
import type { Anchor } from './anchor.ts'

export interface WitnessAddress {
  readonly verifierKey: string
  /** Submission prefix (C2SP tlog-witness). */
  readonly url: string
}

/** Asks a witness for its signature on each checkpoint, and keeps it. */
export function createWitnessAnchor(sql: Sql, { verifierKey, url }: WitnessAddress, fetch: OutboundFetch): Anchor {
  const verifier = parseVerifierKey(verifierKey)
  const address = `${url.replace(/\/$/, '')}/add-checkpoint`

  async function submit({ size, note }: StoredCheckpoint, oldSize: number): Promise<Response> {
    const proof = await systemTransaction(sql, (tx) =>
      oldSize === 0 ? Promise.resolve([]) : readConsistencyProof(tx, oldSize, size),
    )
    return fetch(address, { method: 'POST', body: encodeWitnessRequest({ oldSize, proof, checkpoint: note }) })
  }

  async function cosign(checkpoint: StoredCheckpoint): Promise<string> {
    const known = await systemTransaction(sql, (tx) => lastCosigned(tx, verifierKey))
    const answer = await submit(checkpoint, Math.min(known, checkpoint.size))
    if (answer.status !== 409) return cosignatureOf(answer)
    // It says how large the last one was that it saw: that we know less happens after a restore, or an answer that got lost.
    const seen = Number(await answer.text())
    if (!Number.isSafeInteger(seen) || seen > checkpoint.size)
      throw new Error(`the witness has seen a log of ${seen} lines`)
    return cosignatureOf(await submit(checkpoint, seen))
  }

  return {
    name: `witness ${verifier.name}`,
    async publish(checkpoint) {
      const line = ownLine(checkpoint.note, await cosign(checkpoint), verifier)
      const cosignature = { size: checkpoint.size, witness: verifierKey, line }
      await systemFlight(sql, (tx) => [insertCosignature(tx, cosignature, new Date())])
    },
  }
}

async function cosignatureOf(answer: Response): Promise<string> {
  if (answer.status !== 200) throw new Error(`the witness answered ${answer.status}`)
  return answer.text()
}

/** The line of the witness's answer that is its signature; those of others are passed over. Throws CryptoError for a wrong one. */
function ownLine(note: string, answer: string, verifier: NoteVerifier): string {
  const text = textOf(note)
  const own = answer
    .split('\n')
    .map((line) => `${line}\n`)
    .find((line) => line.startsWith('\u2014 ') && verifyNote(`${text}\n${line}`, [verifier]).length > 0)
  if (own === undefined) throw new Error('the witness answered without a signature of its key')
  return own
}
