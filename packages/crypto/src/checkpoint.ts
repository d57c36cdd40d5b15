import { HASH_LENGTH } from './merkle-hash.ts'
import { CryptoError } from './errors.ts'
import { textOf } from './signed-note.ts'

/** A state of a log: its name, how many leaves it has, and the root over them (C2SP tlog-checkpoint). */
export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
}

/** The text of a checkpoint, to be signed as a note. */
export function encodeCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`
}

/** Reads the text of a note as a checkpoint; lines after the third are extensions. @throws CryptoError `invalid_box`. */
export function parseCheckpoint(note: string): Checkpoint {
  const [origin = '', digits = '', encoded = ''] = textOf(note).split('\n')
  const [size, root] = [Number(digits), Buffer.from(encoded, 'base64')]
  const isSize = /^(0|[1-9]\d{0,15})$/.test(digits) && Number.isSafeInteger(size)
  if (origin === '' || !isSize || root.length !== HASH_LENGTH || root.toString('base64') !== encoded) {
    throw new CryptoError('invalid_box')
  }
  return { origin, size, root }
}
