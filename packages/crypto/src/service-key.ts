import { hash } from 'node:crypto'

import { equalBytes } from './bytes.ts'
import { defineKeyFormat, type PrefixedKey } from './prefixed-key.ts'

const format = defineKeyFormat('ms', 16)

/** Regular expression source of service keys, for secret scanners and log redaction. */
export const SERVICE_KEY_PATTERN = format.pattern

/** The parts of a service key. */
export interface ServiceKey {
  /** The service that calls: `gateway`. */
  readonly caller: string
  /** Public id, for lookup. */
  readonly keyId: string
  /** Shown once. */
  readonly secret: string
  /** The whole key, as the caller presents it. */
  readonly text: string
}

function toServiceKey({ label, keyId, secret, text }: PrefixedKey): ServiceKey {
  return { caller: label, keyId, secret, text }
}

/**
 * A new service key `ms_<caller>_<keyid>_<secret><crc32>`.
 * @throws CryptoError `invalid_label` unless `caller` is 2 to 16 small letters.
 */
export function createServiceKey(caller: string): ServiceKey {
  return toServiceKey(format.create(caller))
}

/** The parts of a service key, or null for anything else, a wrong checksum included. Never throws. */
export function parseServiceKey(value: unknown): ServiceKey | null {
  const key = format.parse(value)
  return key === null ? null : toServiceKey(key)
}

/** The 32-byte SHA-256 under which the called service stores a caller's secret of 256 random bits. */
export function hashServiceKeySecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}

/** Whether a secret belongs to a stored hash, in constant time. */
export function verifyServiceKeySecret(secret: string, storedHash: Uint8Array): boolean {
  return equalBytes(hashServiceKeySecret(secret), storedHash)
}
