import { createHmac } from 'node:crypto'
import { encodeFields } from '@memoric/crypto/bytes.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'

/** Length, bytes: 128 bits, so that chance never makes two names equal. */
const FINGERPRINT_BYTES = 16

/** Accents of alphabets in which a letter without one is the same letter; vowel signs of other scripts stay. */
const ACCENTS = /[\u0300-\u036f]/g
const SPACES = /\s+/gu

/** A name without what people write now so, now otherwise: case, accents, width, spaces. */
export function foldName(name: string): string {
  const plain = name.normalize('NFKD').replace(ACCENTS, '').toUpperCase().toLowerCase()
  const folded = plain.replace(SPACES, ' ').trim().normalize('NFC')
  return folded === '' ? name.normalize('NFC') : folded
}

/** Keyed hash by which a person is found by a name. */
export function nameFingerprint(keys: SubjectKeys, name: string): Buffer {
  const fields = encodeFields(['person', foldName(name)])
  return createHmac('sha256', keys.fingerprintKey).update(fields).digest().subarray(0, FINGERPRINT_BYTES)
}
