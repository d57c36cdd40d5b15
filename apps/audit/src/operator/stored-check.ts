import { equalBytes } from '@memoric/crypto/bytes.ts'
import { parseCheckpoint } from '@memoric/crypto/checkpoint.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
import { hashLeaf } from '@memoric/crypto/merkle-hash.ts'
import { type NoteVerifier, verifyNote } from '@memoric/crypto/signed-note.ts'
import { createTreeBuilder } from '@memoric/crypto/tree-builder.ts'
import { readLeaf } from '@memoric/verifier/export-line.ts'
import { createSequences } from '@memoric/verifier/sequences.ts'
import { canonicalFrom, canonicalOf, type StoredLine } from '../tree/canonical-line.ts'
import type { DerivedFault } from './check-derived.ts'
import type { PersonalFault } from './check-personal.ts'
import type { SignedState, Stretch } from './stored-log-repository.ts'

/** What is wrong with the log in the database, and where it begins. */
export interface StoredFinding {
  readonly kind:
    | 'changed'
    | 'deleted'
    | 'inserted'
    | 'reordered'
    | 'personal_changed'
    | 'wrong_root'
    | 'not_signed'
    | DerivedFault['kind']
  /** Null where it begins nowhere. */
  readonly logIndex: number | null
  readonly message: string
}

export interface StoredLogReport {
  readonly findings: readonly StoredFinding[]
  readonly lines: number
  /** Size of the last checkpoint. */
  readonly size: number
  readonly checkpoints: number
  /** Lines that retention dropped. */
  readonly dropped: number
}

/** Compares the places of a log with its tree and its checkpoints, one after the other. */
export interface StoredCheck {
  /** The next place: the lines that stand there, and the hash that the tree has for it. */
  place(lines: readonly StoredLine[], hash: Uint8Array): void
  /** What is wrong with the personal data beside lines. */
  personal(faults: readonly PersonalFault[]): void
  /** The tree has no hash for the next place. */
  incomplete(): void
  /** The end of the places: lines behind the last checkpoint. */
  beyond(lines: readonly StoredLine[]): void
  /** What is derived from the lines and is not what they say. */
  derived(faults: readonly DerivedFault[]): void
  report(): StoredLogReport
}

/** Findings that a report has at most. */
export const MAX_FINDINGS = 100
/** Where lines themselves are wrong, what is counted of them says nothing more. */
const OF_LINES: readonly StoredFinding['kind'][] = ['changed', 'deleted', 'inserted', 'reordered']
const UNTOLD = 'and no signed line says that retention dropped them'

export function createStoredCheck(
  checkpoints: readonly SignedState[],
  dropped: readonly Stretch[],
  verifiers: readonly NoteVerifier[],
): StoredCheck {
  const findings: StoredFinding[] = []
  const tree = createTreeBuilder()
  const sequences = createSequences()
  const open = [...checkpoints]
  let [lines, gone, lastMissing, matched] = [0, 0, -2, 0]
  let isCutShort = false

  function find(kind: StoredFinding['kind'], logIndex: number | null, message: string): void {
    if (findings.length < MAX_FINDINGS) findings.push({ kind, logIndex, message })
  }

  function checkLine(line: StoredLine, isSigned: boolean): void {
    const canonical = canonicalOf(line)
    number(canonical, isSigned)
    const belongs = placeOf(canonical)
    if (!isSigned && belongs !== undefined && belongs !== line.log_index) {
      find('reordered', line.log_index, `the line ${nameOf(line)} belongs at place ${belongs}`)
    } else if (!isSigned) find('changed', line.log_index, `the line ${nameOf(line)} is not what was signed`)
    else if (!isProjected(line, canonical))
      find('changed', line.log_index, `columns of the line ${nameOf(line)} differ from its leaf`)
  }

  function number(canonical: string, isSigned: boolean): void {
    const leaf = readLeaf(canonical)
    if (leaf === undefined) return
    if (isSigned) sequences.see(leaf, leaf.logIndex)
    else sequences.seeUnsigned(leaf)
  }

  function missing(index: number): void {
    if (dropped.some(({ first, last }) => first <= index && index <= last)) gone += 1
    else if (lastMissing !== index - 1) find('deleted', index, `lines from place ${index} on are missing`)
    lastMissing = index
  }

  /** What the table of retention says counts only where signed lines say the same. */
  function checkRetention(): void {
    if (isCutShort || findings.some(({ kind }) => kind === 'deleted')) return
    for (const { tenantId, from, to, logIndex } of sequences.unexplained()) {
      const which = `lines ${from} to ${to} of tenant ${tenantId} (tenant_seq)`
      find('deleted', logIndex, `${which} are missing before place ${logIndex}, ${UNTOLD}`)
    }
    if (findings.length > 0 || gone <= sequences.dropped()) return
    find('deleted', lastMissing, `lines up to place ${lastMissing} are missing, ${UNTOLD}`)
  }

  function checkCheckpoints(): void {
    for (let [next] = open; next !== undefined && next.size <= tree.size(); [next] = open) {
      const { size, root } = next
      if (!isSigned(next, verifiers)) find('not_signed', size, `the checkpoint of ${size} lines is not one of this log`)
      else if (!equalBytes(tree.root(), root)) {
        find('wrong_root', matched, `what was signed differs from the tree between places ${matched} and ${size - 1}`)
      }
      matched = size
      open.shift()
    }
  }

  checkCheckpoints()
  return {
    place(at, hash) {
      const index = tree.size()
      const signed = at.find((line) => equalBytes(hashLeaf(Buffer.from(canonicalOf(line))), hash))
      const stays = signed ?? at[0]
      if (stays === undefined) missing(index)
      else checkLine(stays, signed !== undefined)
      for (const line of at.filter((one) => one !== stays)) {
        find('inserted', index, `the line ${nameOf(line)} was never signed and stands at the place of another`)
      }
      lines += at.length
      tree.append(0, hash)
      checkCheckpoints()
    },
    personal(faults) {
      // A line that is wrong itself was named already.
      const named = new Set(findings.map(({ logIndex }) => logIndex))
      for (const { logIndex, message } of faults) if (!named.has(logIndex)) find('personal_changed', logIndex, message)
    },
    incomplete() {
      isCutShort = true
      find('wrong_root', tree.size(), `the tiles have no hash for place ${tree.size()}`)
    },
    beyond(behind) {
      for (const line of behind) {
        if (placeOf(canonicalOf(line)) === line.log_index) continue
        find(
          'inserted',
          line.log_index,
          `the line ${nameOf(line)} stands behind the signed log and says that it belongs elsewhere`,
        )
      }
      checkRetention()
    },
    derived(faults) {
      if (findings.some(({ kind }) => OF_LINES.includes(kind))) return
      for (const { kind, logIndex, message } of faults) find(kind, logIndex, message)
    },
    report() {
      const size = checkpoints.at(-1)?.size ?? 0
      return { findings, lines, size, checkpoints: checkpoints.length, dropped: gone }
    },
  }
}

function isSigned({ size, root, note }: SignedState, verifiers: readonly NoteVerifier[]): boolean {
  try {
    const said = parseCheckpoint(note)
    const isOurs = verifyNote(note, verifiers).some(({ name, time }) => name === said.origin && time === undefined)
    return isOurs && said.size === size && equalBytes(said.root, root)
  } catch (error) {
    if (error instanceof CryptoError) return false
    throw error
  }
}

/** Whether the columns of a line say the same as its leaf. */
function isProjected(line: StoredLine, canonical: string): boolean {
  const { nonce, personal_commitment: commitment } = parse(canonical)
  return canonicalFrom(line, { nonce: textOrNull(nonce), commitment: textOrNull(commitment) }) === canonical
}

function placeOf(canonical: string): number | undefined {
  const { log_index: index } = parse(canonical)
  return typeof index === 'number' ? index : undefined
}

function parse(canonical: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(canonical)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function nameOf({ event_id, tenant_seq, tenant_id }: StoredLine): string {
  return `of event ${event_id} (line ${tenant_seq} of tenant ${tenant_id})`
}
