import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/** Bits that a text sets in the filter: as many 32-bit numbers of its SHA-512. */
const HASHES = 14

const FILTER = new URL('./common-passwords.bin', import.meta.url)

let loading: Promise<Uint8Array> | undefined

/** Whether a folded text is on the list of common passwords, or one of 15,000 that seem to be: a Bloom filter. */
export async function isCommonPassword(folded: string): Promise<boolean> {
  loading ??= readFile(FILTER)
  const filter = await loading
  return bitsOf(folded, filter.length * 8).every((bit) => ((filter[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0)
}

/** The filter of a list of folded texts, `bitsEach` for each of them. */
export function createFilter(texts: Iterable<string>, count: number, bitsEach: number): Uint8Array {
  const filter = new Uint8Array(Math.ceil((count * bitsEach) / 8))
  for (const text of texts) {
    for (const bit of bitsOf(text, filter.length * 8)) filter[bit >> 3] = (filter[bit >> 3] ?? 0) | (1 << (bit & 7))
  }
  return filter
}

function bitsOf(text: string, size: number): number[] {
  const digest = hash('sha512', text, 'buffer')
  return Array.from({ length: HASHES }, (_, index) => digest.readUInt32LE(index * 4) % size)
}
