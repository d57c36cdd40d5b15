import { fromBase64url, wipe } from './bytes.ts'
import { deriveKey } from './derive-key.ts'
import { CryptoError } from './errors.ts'
import { createSealingKey, type SealingKey } from './sealed-box.ts'
import { unwrapKey, wrapKey } from './wrapped-key.ts'

const KEY_LENGTH = 32
/** 32 random bytes have fewer distinct values than this once in more than 10^10 keys. */
const MIN_DISTINCT = 18

/** What a wrapped key belongs to, as name and value pairs; unwrapping needs exactly the same pairs. */
export type KekContext = Readonly<Record<string, string>>

/** A key encryption key that lives outside the database: a key file, a cloud KMS, a transit engine. */
export interface KekProvider {
  /** Provider and key, stored beside what it wrapped; reveals nothing of the key. */
  readonly id: string
  /** Wraps a 32-byte key. Rejects with CryptoError `kek_unavailable` when the provider is out of reach. */
  wrap(key: Uint8Array, context: KekContext): Promise<Buffer>
  /** Unwraps; the caller wipes the result. Rejects with CryptoError `decryption_failed` for a wrong blob or context, `kek_unavailable`. */
  unwrap(blob: Uint8Array, context: KekContext): Promise<Buffer>
}

function decodeKey(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex')
  return fromBase64url(text.replace(/=$/, '').replaceAll('+', '-').replaceAll('/', '_'))
}

function isPredictable(key: Buffer): boolean {
  const steps = new Set(key.subarray(1).map((byte, index) => (byte - (key[index] ?? 0)) & 0xff))
  const isText = key.every((byte) => byte >= 0x20 && byte < 0x7f)
  return new Set(key).size < MIN_DISTINCT || steps.size === 1 || isText
}

/**
 * Reads a 32-byte key from text: 64 hex digits, or base64 or base64url; white space around it is ignored.
 * @throws CryptoError `invalid_key` for anything else, `weak_key` for a repeated byte or pattern, a counting sequence,
 *   and for a passphrase in place of random bytes.
 */
export function parseKeyText(text: string): Buffer {
  const key = decodeKey(text.trim())
  if (key?.length !== KEY_LENGTH) throw new CryptoError('invalid_key')
  if (isPredictable(key)) throw new CryptoError('weak_key')
  return key
}

function localKey(text: string): SealingKey {
  const key = parseKeyText(text)
  const wrapping = deriveKey(key, 'wrap')
  const sealing = createSealingKey(deriveKey(key, 'keyId').readUInt32BE(0), wrapping)
  wipe(key, wrapping)
  return sealing
}

/** Context pairs as text of one form, for providers that take bytes. */
export function contextText(context: KekContext): string {
  return JSON.stringify(contextFields(context))
}

/** The pairs in one order, whatever order the caller wrote them in. */
function contextFields(context: KekContext): string[] {
  const pairs = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))
  return ['kek', ...pairs.flat()]
}

type KekOperation = (bytes: Uint8Array, context: KekContext) => Buffer

/** Other providers answer over a network; the local one keeps their shape, failures included. */
function promised(operation: KekOperation): (bytes: Uint8Array, context: KekContext) => Promise<Buffer> {
  return (bytes, context) => Promise.resolve().then(() => operation(bytes, context))
}

/**
 * A KEK held by this process; its boxes and its id name the key by a 32-bit fingerprint.
 * @throws CryptoError `invalid_key`, `weak_key` as `parseKeyText`.
 */
export function createLocalKek(keyText: string): KekProvider {
  const key = localKey(keyText)
  return {
    id: `local:${key.id.toString(16).padStart(8, '0')}`,
    wrap: promised((bytes, context) => wrapKey(key, contextFields(context), bytes)),
    unwrap: promised((blob, context) => unwrapKey(key, contextFields(context), blob)),
  }
}

/** A key as it lies at rest: what a KEK made of it, and which one that was. */
export interface KekWrapped {
  readonly kekId: string
  readonly wrapped: Uint8Array
}

/** The KEKs of an installation: one wraps, all of them unwrap what they wrapped. */
export interface KekRing {
  /** Id of the KEK that wraps. */
  readonly id: string
  /** Wraps a 32-byte key. Rejects with CryptoError `kek_unavailable`. */
  wrap(key: Uint8Array, context: KekContext): Promise<KekWrapped>
  /**
   * Unwraps; the caller wipes the result. Rejects with CryptoError `unknown_key` when the KEK is not in the ring,
   * `decryption_failed` for a wrong blob or context, `kek_unavailable`.
   */
  unwrap(stored: KekWrapped, context: KekContext): Promise<Buffer>
}

/**
 * Makes a ring of the KEK that wraps and those that still unwrap.
 * @throws CryptoError `invalid_key` when one is given twice.
 */
export function createKekRing(current: KekProvider, previous: readonly KekProvider[] = []): KekRing {
  const providers = new Map([current, ...previous].map((provider) => [provider.id, provider]))
  if (providers.size !== previous.length + 1) throw new CryptoError('invalid_key')
  return {
    id: current.id,
    async wrap(key, context) {
      return { kekId: current.id, wrapped: await current.wrap(key, context) }
    },
    async unwrap({ kekId, wrapped }, context) {
      const provider = providers.get(kekId)
      if (provider === undefined) throw new CryptoError('unknown_key')
      return provider.unwrap(wrapped, context)
    },
  }
}
