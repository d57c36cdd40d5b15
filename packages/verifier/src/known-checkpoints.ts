import { equalBytes } from '@memoric/crypto/bytes.ts'
import { parseCheckpoint } from '@memoric/crypto/checkpoint.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
import type { TreeHead } from '@memoric/crypto/merkle-proof.ts'
import { type NoteVerifier, verifyNote } from '@memoric/crypto/signed-note.ts'
import type { Finding } from './finding.ts'

/** A signed state of a log. */
export interface SignedHead extends TreeHead {
  readonly origin: string
  readonly note: string
  /** Who cosigned it, of those that are trusted. */
  readonly witnesses: readonly string[]
}

/** Reads a checkpoint and checks its signature: one of the log itself, by a key that is trusted. Gives what is wrong instead. */
export function readSigned(note: string, verifiers: readonly NoteVerifier[]): SignedHead | Finding {
  try {
    const { origin, size, root } = parseCheckpoint(note)
    const signatures = verifyNote(note, verifiers)
    if (signatures.some(({ name, time }) => name === origin && time === undefined)) {
      const witnesses = signatures.flatMap(({ name, time }) => (time === undefined ? [] : name))
      return { origin, size, root, note, witnesses }
    }
    return { kind: 'not_signed', message: `the checkpoint of ${origin} is signed by none of the keys that are trusted` }
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error
    const wrong = error.code === 'decryption_failed' ? 'has a signature that is wrong' : 'cannot be read'
    return { kind: 'not_signed', message: `the checkpoint ${wrong}` }
  }
}

export function isFinding(value: SignedHead | Finding): value is Finding {
  return 'kind' in value
}

/** The checkpoints of a file that they were appended to one after the other. */
export function splitNotes(text: string): string[] {
  return text.match(/(?:[^\n]+\n)+\n(?:\u2014 [^\n]+\n)+/gu) ?? []
}

/** Compares the tree with signed states while it is put together. */
export interface HeadChecks {
  /** The tree has this size and root now. */
  pass(size: number, root: () => Uint8Array): void
  /** States that the tree went past without having their size. */
  missed(): readonly TreeHead[]
  /** The first state that the tree does not have, with the last one before it that it has. */
  mismatch(): { readonly after: number; readonly upTo: number } | undefined
  /** How many states the tree has. */
  matched(): number
}

export function createHeadChecks(heads: readonly TreeHead[]): HeadChecks {
  const open = heads.toSorted((a, b) => a.size - b.size)
  const missed: TreeHead[] = []
  let [next, matched, after] = [0, 0, 0]
  let mismatch: { after: number; upTo: number } | undefined
  return {
    pass(size, root) {
      for (let head = open[next]; head !== undefined && head.size <= size; head = open[(next += 1)]) {
        if (head.size < size) missed.push(head)
        else if (equalBytes(root(), head.root)) [matched, after] = [matched + 1, size]
        else mismatch ??= { after, upTo: size }
      }
    },
    missed: () => missed,
    mismatch: () => mismatch,
    matched: () => matched,
  }
}
