import { CryptoError } from './errors.ts'
import { HASH_LENGTH } from './merkle-hash.ts'

/** A proof that a leaf is at a place of the tree of a checkpoint. */
export interface TlogProof {
  readonly index: number
  /** Siblings from the leaf upwards. */
  readonly path: readonly Uint8Array[]
  /** Signed note of the checkpoint. */
  readonly checkpoint: string
}

const HEADER = 'c2sp.org/tlog-proof@v1'
const MAX_PATH = 63

/** The content of a `.tlog-proof` file (C2SP tlog-proof, version 1). */
export function encodeTlogProof({ index, path, checkpoint }: TlogProof): string {
  return `${HEADER}\nindex ${index}\n${encodeHashLines(path)}\n${checkpoint}`
}

/** Reads a `.tlog-proof` file; its extra data is passed over. @throws CryptoError `invalid_box` for anything else. */
export function parseTlogProof(text: string): TlogProof {
  const end = text.indexOf('\n\n')
  const [header, ...lines] = text.slice(0, Math.max(end, 0)).split('\n')
  if (lines[0]?.startsWith('extra ')) lines.shift()
  const [, digits = ''] = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? '') ?? []
  const index = Number(digits)
  if (header !== HEADER || digits === '' || !Number.isSafeInteger(index)) throw new CryptoError('invalid_box')
  return { index, path: parseHashLines(lines), checkpoint: text.slice(end + 2) }
}

/** Hashes in base64, a line each. */
export function encodeHashLines(hashes: readonly Uint8Array[]): string {
  return hashes.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('')
}

/** @throws CryptoError `invalid_box` unless every line is a hash in base64, and there are 63 at most. */
export function parseHashLines(lines: readonly string[]): Buffer[] {
  if (lines.length > MAX_PATH) throw new CryptoError('invalid_box')
  return lines.map(parseHash)
}

/** @throws CryptoError `invalid_box` unless `text` is the base64 of a hash. */
export function parseHash(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length !== HASH_LENGTH || bytes.toString('base64') !== text) throw new CryptoError('invalid_box')
  return bytes
}
