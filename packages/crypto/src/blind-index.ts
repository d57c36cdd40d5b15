import { createHmac, createSecretKey } from 'node:crypto'

import { assertBytes, encodeFields } from './bytes.ts'

/**
 * The 32-byte HMAC-SHA-256 by which a sealed value is found again without being readable: equal values of one `field`
 * under one 32-byte `key` (purpose `lookup`) give equal bytes, nothing else does.
 * @throws CryptoError `invalid_key`, `invalid_fields` (text with a lone surrogate).
 */
export function blindIndex(key: Uint8Array, field: string, value: string): Buffer {
  assertBytes(key, 32, 'invalid_key')
  return createHmac('sha256', createSecretKey(key))
    .update(encodeFields([field, value]))
    .digest()
}

/** One spelling for an e-mail address: trimmed, Unicode NFC, lower case. */
export function normalizeEmail(email: string): string {
  return email.trim().normalize('NFC').toLowerCase()
}

/** The blind index of a normalised e-mail address; throws as `blindIndex`. */
export function emailIndex(key: Uint8Array, email: string): Buffer {
  return blindIndex(key, 'email', normalizeEmail(email))
}
