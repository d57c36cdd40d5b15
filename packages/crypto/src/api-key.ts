import { defineKeyFormat, hashKeySecret, type PrefixedKey, verifyKeySecret } from './prefixed-key.ts'

const format = defineKeyFormat('mk', 8)

/** Regular expression source of API keys, for secret scanners and log redaction. */
export const API_KEY_PATTERN = format.pattern

/** The parts of an API key. */
export interface ApiKey {
  /** Environment: `live`, `test`, `local`. */
  readonly env: string
  /** Public id, for lookup. */
  readonly keyId: string
  /** Shown once, stored as `hashApiKeySecret`. */
  readonly secret: string
  /** The whole key, as a client presents it. */
  readonly text: string
}

function toApiKey({ label, keyId, secret, text }: PrefixedKey): ApiKey {
  return { env: label, keyId, secret, text }
}

/**
 * A new API key `mk_<env>_<keyid>_<secret><crc32>`: 16 and 43 random base62 characters, six of checksum.
 * @throws CryptoError `invalid_label` unless `env` is 2 to 8 small letters.
 */
export function createApiKey(env: string): ApiKey {
  return toApiKey(format.create(env))
}

/** The parts of an API key, or null for anything else, a wrong checksum included. Never throws. */
export function parseApiKey(value: unknown): ApiKey | null {
  const key = format.parse(value)
  return key === null ? null : toApiKey(key)
}

/**
 * The 32-byte peppered HMAC-SHA-256 that is stored for a secret.
 * @throws CryptoError `invalid_key` for a pepper of less than 32 bytes.
 */
export function hashApiKeySecret(secret: string, pepper: Uint8Array): Buffer {
  return hashKeySecret(secret, pepper)
}

/** Whether a secret belongs to a stored hash, in constant time. */
export function verifyApiKeySecret(secret: string, pepper: Uint8Array, storedHash: Uint8Array): boolean {
  return verifyKeySecret(secret, pepper, storedHash)
}
