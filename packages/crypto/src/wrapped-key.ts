import { randomBytes } from 'node:crypto'

import { assertBytes, type Field, wipe } from './bytes.ts'
import { CryptoError } from './errors.ts'
import type { KeyRing } from './key-ring.ts'
import { openBox, sealBox, type SealingKey } from './sealed-box.ts'

const KEY_LENGTH = 32
const DOMAIN = 'wrapped-key'

/** A new random 32-byte key in memory of its own. */
export function generateKey(): Buffer {
  return randomBytes(KEY_LENGTH)
}

/**
 * Seals a 32-byte key under another, bound to `context` (whose key it is, which version).
 * @throws CryptoError `invalid_key`, `invalid_fields`, `destroyed_key`.
 */
export function wrapKey(wrapping: SealingKey, context: readonly Field[], key: Uint8Array): Buffer {
  assertBytes(key, KEY_LENGTH, 'invalid_key')
  return sealBox(wrapping, [DOMAIN, ...context], key)
}

/**
 * Opens what `wrapKey` made; the caller wipes the result when done.
 * @throws CryptoError `decryption_failed`.
 */
export function unwrapKey(
  wrapping: SealingKey | KeyRing<SealingKey>,
  context: readonly Field[],
  wrapped: Uint8Array,
): Buffer {
  const key = openBox(wrapping, [DOMAIN, ...context], wrapped)
  if (key.length === KEY_LENGTH) return key
  wipe(key)
  throw new CryptoError('decryption_failed')
}
