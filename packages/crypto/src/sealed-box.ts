import { encodeFields, type Field } from './bytes.ts'
import { CryptoError } from './errors.ts'
import type { IdentifiedKey, KeyRing } from './key-ring.ts'
import { writeNonce } from './nonce.ts'
import { createXaesKey, type XaesKey } from './xaes-256-gcm.ts'

const VERSION = 0x01
const MAX_KEY_ID = 0xffff_ffff
const at = { keyId: 1, nonce: 5, commitment: 29, ciphertext: 61 } as const
const TAG = 16

/** Bytes that a box is longer than its plaintext. */
export const BOX_OVERHEAD = at.ciphertext + TAG

/** A key that seals boxes, with the u32 id that they carry: its version within the scope of the ring it belongs to. */
export interface SealingKey extends IdentifiedKey {
  readonly xaes: XaesKey
  /** Refuses all further use of this key. */
  destroy(): void
}

/**
 * Prepares a 32-byte key for many boxes. The caller may wipe `key` afterwards.
 * @throws CryptoError `invalid_key` for another length, or an id that is not an unsigned 32-bit integer.
 */
export function createSealingKey(id: number, key: Uint8Array): SealingKey {
  if (!Number.isInteger(id) || id < 0 || id > MAX_KEY_ID) throw new CryptoError('invalid_key')
  const xaes = createXaesKey(key)
  return { id, xaes, destroy: () => xaes.destroy() }
}

/** The associated data: format version, key id, then the caller's fields, of which there must be one at least. */
function associatedData(keyId: number, aadFields: readonly Field[]): Buffer {
  if (aadFields.length === 0) throw new CryptoError('invalid_fields')
  return encodeFields([VERSION, keyId, ...aadFields])
}

/**
 * Encrypts bytes and binds them to `aadFields`, for example those of `recordAad`. The box is
 * `01 | key id u32be | nonce 24 | commitment 32 | ciphertext | tag 16`.
 * @throws CryptoError `invalid_fields` (none, or not encodable), `destroyed_key`.
 */
export function sealBox(key: SealingKey, aadFields: readonly Field[], plaintext: Uint8Array): Buffer {
  const aad = associatedData(key.id, aadFields)
  const box = Buffer.allocUnsafe(plaintext.length + BOX_OVERHEAD)
  box[0] = VERSION
  box.writeUInt32BE(key.id, at.keyId)
  writeNonce(box, at.nonce)
  const sealed = key.xaes.seal(box.subarray(at.nonce, at.commitment), plaintext, aad)
  box.set(sealed.commitment, at.commitment)
  box.set(sealed.ciphertext, at.ciphertext)
  box.set(sealed.tag, at.ciphertext + plaintext.length)
  return box
}

function isBox(box: Buffer): boolean {
  return box.length >= BOX_OVERHEAD && box[0] === VERSION
}

function findKey(keys: SealingKey | KeyRing<SealingKey>, id: number): SealingKey | undefined {
  if ('find' in keys) return keys.find(id)
  return keys.id === id ? keys : undefined
}

function tryOpen(keys: SealingKey | KeyRing<SealingKey>, aadFields: readonly Field[], box: Uint8Array) {
  const bytes = asBuffer(box)
  if (!isBox(bytes)) return undefined
  const key = findKey(keys, bytes.readUInt32BE(at.keyId))
  if (key === undefined) return undefined
  const end = bytes.length - TAG
  const sealed = {
    commitment: bytes.subarray(at.commitment, at.ciphertext),
    ciphertext: bytes.subarray(at.ciphertext, end),
    tag: bytes.subarray(end),
  }
  return key.xaes.open(bytes.subarray(at.nonce, at.commitment), sealed, associatedData(key.id, aadFields))
}

/** A view as Buffer of the same memory; drivers give either. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * Decrypts a box with the one key, or with the key of the ring that the box names. The ring must come from the caller's
 * own scope (tenant, subject), never from the box. Checked in this order: form, key id, commitment, authentication.
 * @throws CryptoError `decryption_failed`, the same for every one of these reasons; `invalid_fields`, `destroyed_key` for
 *   mistakes of the caller.
 */
export function openBox(keys: SealingKey | KeyRing<SealingKey>, aadFields: readonly Field[], box: Uint8Array): Buffer {
  const plaintext = tryOpen(keys, aadFields, box)
  if (plaintext === undefined) throw new CryptoError('decryption_failed')
  return plaintext
}

/**
 * The id of the key that sealed a box, which rotation looks at. Nothing is authenticated by this.
 * @throws CryptoError `invalid_box`.
 */
export function boxKeyId(box: Uint8Array): number {
  const bytes = asBuffer(box)
  if (!isBox(bytes)) throw new CryptoError('invalid_box')
  return bytes.readUInt32BE(at.keyId)
}
