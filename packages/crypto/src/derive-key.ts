import { createSecretKey, hkdfSync } from 'node:crypto'

import { assertBytes } from './bytes.ts'

/** Every purpose a key can be derived for, with its HKDF `info`. A label, once used, never changes its meaning. */
export const KEY_PURPOSES = {
  /** Seals content and private attributes of records. */
  content: 'memoric/v1/content',
  /** Seals search segments. */
  index: 'memoric/v1/index',
  /** Keys the fingerprint that finds exact duplicates. */
  fingerprint: 'memoric/v1/fingerprint',
  /** Wraps other keys. */
  wrap: 'memoric/v1/wrap',
  /** Keys blind indexes, for example of e-mail addresses. */
  lookup: 'memoric/v1/lookup',
  /** Peppers the hashes of API and service keys. */
  pepper: 'memoric/v1/pepper',
  /** Seals personal data beside the audit log. */
  personal: 'memoric/v1/personal',
  /** Seals private signing keys, TOTP secrets and other credentials at rest. */
  credential: 'memoric/v1/credential',
  /** Seals export files. */
  export: 'memoric/v1/export',
  /** Authenticates page cursors. */
  cursor: 'memoric/v1/cursor',
  /** Names a key without revealing it. */
  keyId: 'memoric/v1/key-id',
} as const

/** What a derived key is used for; keys of different purposes are independent. */
export type KeyPurpose = keyof typeof KEY_PURPOSES

/** HKDF-SHA-256 (RFC 5869): `length` bytes from `secret`, salt and info; at most 8,160 bytes. */
export function hkdfSha256(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', createSecretKey(secret), salt, info, length))
}

/**
 * The 32-byte key for one purpose, from a 32-byte key: HKDF-SHA-256 with an empty salt and the purpose's label as info.
 * @throws CryptoError `invalid_key` unless `key` has 32 bytes.
 */
export function deriveKey(key: Uint8Array, purpose: KeyPurpose): Buffer {
  assertBytes(key, 32, 'invalid_key')
  return hkdfSha256(key, Buffer.alloc(0), Buffer.from(KEY_PURPOSES[purpose]), 32)
}
