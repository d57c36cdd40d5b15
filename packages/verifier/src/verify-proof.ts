import { equalBytes } from '@memoric/crypto/bytes.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
import { hashLeaf } from '@memoric/crypto/merkle-hash.ts'
import { verifyConsistency, verifyInclusion } from '@memoric/crypto/merkle-proof.ts'
import type { NoteVerifier } from '@memoric/crypto/signed-note.ts'
import { parseHash, parseTlogProof, type TlogProof } from '@memoric/crypto/tlog-proof.ts'
import { isCount, parseObject, readLeaf } from './export-line.ts'
import type { Finding } from './finding.ts'
import { isFinding, readSigned, type SignedHead } from './known-checkpoints.ts'

export interface ProofReport {
  readonly findings: readonly Finding[]
  readonly checkpoint: SignedHead | undefined
  /** Place of the leaf. */
  readonly index: number | undefined
}

/** A proof of the API, or a `.tlog-proof` file with the text of its leaf. */
export function verifyProof(text: string, leaf: string | undefined, verifiers: readonly NoteVerifier[]): ProofReport {
  const read = text.startsWith('{') ? readJson(text) : readFile(text, leaf)
  if (read === undefined) return report([{ kind: 'malformed', message: 'the proof cannot be read, or has no leaf' }])
  const signed = readSigned(read.checkpoint, verifiers)
  if (isFinding(signed)) return report([signed])
  const { index, path, canonical } = read
  const isIncluded = verifyInclusion(hashLeaf(Buffer.from(canonical)), index, signed.size, path, signed.root)
  const saysSo = readLeaf(canonical)?.logIndex === index
  const place = { log_index: index, ...eventOf(canonical) }
  if (!isIncluded)
    return report([{ kind: 'changed', message: 'the leaf is not in the signed tree at this place', ...place }])
  if (!saysSo) return report([{ kind: 'reordered', message: 'the leaf belongs at another place', ...place }])
  return { findings: [], checkpoint: signed, index }
}

/** Whether a state of the log continues the one that was seen last. */
export function continues(last: SignedHead, now: SignedHead, proof: readonly Uint8Array[]): boolean {
  if (last.origin !== now.origin) return false
  if (last.size === now.size) return equalBytes(last.root, now.root)
  return verifyConsistency(last, now, proof)
}

/** The path of a consistency proof of the API. Undefined for anything else. */
export function readConsistency(text: string): readonly Uint8Array[] | undefined {
  const path = parseObject(text)?.['path']
  return pathOf(path)
}

interface WholeProof extends TlogProof {
  readonly canonical: string
}

function readJson(text: string): WholeProof | undefined {
  const { leaf_index: index, path: hashes, canonical, checkpoint } = parseObject(text) ?? {}
  const path = pathOf(hashes)
  if (!isCount(index) || path === undefined || typeof canonical !== 'string' || typeof checkpoint !== 'string')
    return undefined
  return { index, path, canonical, checkpoint }
}

function readFile(text: string, canonical: string | undefined): WholeProof | undefined {
  if (canonical === undefined) return undefined
  return orUndefined(() => ({ ...parseTlogProof(text), canonical }))
}

function pathOf(value: unknown): Buffer[] | undefined {
  if (!Array.isArray(value)) return undefined
  return orUndefined(() => value.map((hash) => parseHash(typeof hash === 'string' ? hash : '')))
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof CryptoError) return undefined
    throw error
  }
}

function eventOf(canonical: string): { readonly event_id?: string } {
  const leaf = readLeaf(canonical)
  return leaf === undefined ? {} : { event_id: leaf.eventId }
}

function report(findings: readonly Finding[]): ProofReport {
  return { findings, checkpoint: undefined, index: undefined }
}
