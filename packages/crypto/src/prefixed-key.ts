import { createHmac, createSecretKey } from 'node:crypto'

import { checksum62, CHECKSUM_LENGTH, endsInChecksum, randomBase62, SECRET_LENGTH } from './base62.ts'
import { equalBytes } from './bytes.ts'
import { CryptoError } from './errors.ts'

/** Characters of the public key id: 95 bits, so that ids never collide by chance. */
export const KEY_ID_LENGTH = 16
const MIN_PEPPER = 32

/** What a key text consists of; `secret` is shown once and never stored. */
export interface PrefixedKey {
  readonly label: string
  /** Public, for lookup and logs. */
  readonly keyId: string
  readonly secret: string
  /** The whole key, as its holder presents it. */
  readonly text: string
}

/** One kind of key: `<kind>_<label>_<keyid>_<secret><crc32>`. */
export interface KeyFormat {
  /** Regular expression source that finds such keys in any text. */
  readonly pattern: string
  /** @throws CryptoError `invalid_label`. */
  create(label: string): PrefixedKey
  /** The parts of a key, or null for anything else, a wrong checksum included. Never throws. */
  parse(value: unknown): PrefixedKey | null
}

/** Defines a kind of key whose label (environment, caller) has 2 to `maxLabel` small letters. */
export function defineKeyFormat(kind: string, maxLabel: number): KeyFormat {
  const [label, id, rest] = [`[a-z]{2,${maxLabel}}`, KEY_ID_LENGTH, SECRET_LENGTH + CHECKSUM_LENGTH]
  const shape = new RegExp(`^${kind}_(${label})_([0-9A-Za-z]{${id}})_([0-9A-Za-z]{${SECRET_LENGTH}})`)
  const whole = new RegExp(`^${kind}_${label}_[0-9A-Za-z]{${id}}_[0-9A-Za-z]{${rest}}$`)
  const labelOnly = new RegExp(`^${label}$`)
  return {
    pattern: `\\b${kind}_${label}_[0-9A-Za-z]{${id}}_[0-9A-Za-z]{${rest}}\\b`,
    create(name) {
      if (!labelOnly.test(name)) throw new CryptoError('invalid_label')
      const [keyId, secret] = [randomBase62(KEY_ID_LENGTH), randomBase62(SECRET_LENGTH)]
      const body = `${kind}_${name}_${keyId}_${secret}`
      return { label: name, keyId, secret, text: body + checksum62(body) }
    },
    parse(value) {
      if (typeof value !== 'string' || !whole.test(value) || !endsInChecksum(value)) return null
      const [, name, keyId, secret] = shape.exec(value) ?? []
      if (name === undefined || keyId === undefined || secret === undefined) return null
      return { label: name, keyId, secret, text: value }
    },
  }
}

/**
 * The 32-byte HMAC-SHA-256 under which the secret of a key is stored: useless to a thief without the pepper.
 * @throws CryptoError `invalid_key` for a pepper of less than 32 bytes.
 */
export function hashKeySecret(secret: string, pepper: Uint8Array): Buffer {
  if (pepper.length < MIN_PEPPER) throw new CryptoError('invalid_key')
  return createHmac('sha256', createSecretKey(pepper)).update(secret).digest()
}

/** Whether a secret belongs to a stored hash, in constant time. */
export function verifyKeySecret(secret: string, pepper: Uint8Array, storedHash: Uint8Array): boolean {
  return equalBytes(hashKeySecret(secret, pepper), storedHash)
}
