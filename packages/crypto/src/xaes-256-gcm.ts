import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'

import { assertBytes, equalBytes, wipe } from './bytes.ts'
import { CryptoError } from './errors.ts'

/** Bytes of a key. */
export const XAES_KEY_LENGTH = 32
/** Bytes of a nonce; random nonces are safe for 2^80 messages under one key. */
export const XAES_NONCE_LENGTH = 24
/** Bytes of an authentication tag. */
export const XAES_TAG_LENGTH = 16

const BLOCK = 16
const HALF_NONCE = 12
const gcmOptions = { authTagLength: XAES_TAG_LENGTH }

/** What sealing gives: `ciphertext` is as long as the plaintext, `tag` 16 bytes, `commitment` 32 bytes. */
export interface XaesSealed {
  readonly ciphertext: Buffer
  readonly tag: Buffer
  readonly commitment: Buffer
}

/** A key prepared for many messages. Synchronous; not to be shared between threads. */
export interface XaesKey {
  /**
   * Encrypts under a 24-byte nonce that must never repeat under this key.
   * @throws CryptoError `invalid_bytes`, `destroyed_key`.
   */
  seal(nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): XaesSealed
  /**
   * The plaintext, or undefined when commitment, tag, nonce, AAD or key do not belong together.
   * @throws CryptoError `destroyed_key`.
   */
  open(nonce: Uint8Array, sealed: XaesSealedBytes, aad: Uint8Array): Buffer | undefined
  /** Wipes what JavaScript can reach and refuses all further use; OpenSSL clears its own copy when it is collected. */
  destroy(): void
}

/** The three parts of a sealed message as any byte arrays. */
export interface XaesSealedBytes {
  readonly ciphertext: Uint8Array
  readonly tag: Uint8Array
  readonly commitment: Uint8Array
}

interface Derived {
  readonly messageKey: KeyObject
  readonly commitment: Buffer
}

interface Derivation {
  derive(nonce: Uint8Array): Derived
  wipe(): void
}

interface BlockCipher {
  /** AES-256 of every whole block at once; ECB keeps no state between calls. */
  update(blocks: Uint8Array): Buffer
}

function createBlockCipher(key: Uint8Array): BlockCipher {
  return createCipheriv('aes-256-ecb', createSecretKey(key), null).setAutoPadding(false)
}

/** Subkey K1 of SP 800-38B section 6.1: doubling of AES(0) in GF(2^128). */
function cmacSubkey(cipher: BlockCipher): Buffer {
  const zeroBlock = cipher.update(Buffer.alloc(BLOCK))
  const subkey = Buffer.alloc(BLOCK)
  let carry = 0
  for (let index = BLOCK - 1; index >= 0; index -= 1) {
    const byte = zeroBlock.readUInt8(index)
    subkey[index] = ((byte << 1) | carry) & 0xff
    carry = byte >> 7
  }
  subkey.writeUInt8(subkey.readUInt8(BLOCK - 1) ^ (carry * 0x87), BLOCK - 1)
  wipe(zeroBlock)
  return subkey
}

/** XORs `length` bytes of `source` from `from` into `target` at `at`. */
function xorInto(target: Buffer, at: number, source: Uint8Array, from: number, length: number): void {
  for (let index = 0; index < length; index += 1) {
    target[at + index] = (target[at + index] ?? 0) ^ (source[from + index] ?? 0)
  }
}

/** The constant bytes of M1 and M2 already XORed with K1, and of the first commitment block. */
function firstTemplate(k1: Buffer): Buffer {
  const template = Buffer.from(
    '00015800'.padEnd(32, '0') + '00025800'.padEnd(32, '0') + '58434d54'.padEnd(32, '0'),
    'hex',
  )
  xorInto(template, 0, k1, 0, BLOCK)
  xorInto(template, BLOCK, k1, 0, BLOCK)
  return template
}

/** The constant bytes of the two last commitment blocks XORed with K1. */
function lastTemplate(k1: Buffer): Buffer {
  const template = Buffer.from('00010001'.padStart(32, '0') + '00010002'.padStart(32, '0'), 'hex')
  xorInto(template, 0, k1, 0, BLOCK)
  xorInto(template, BLOCK, k1, 0, BLOCK)
  return template
}

/**
 * Derives message key and commitment with two calls into OpenSSL.
 * Message key: CMAC(0001 | "X" | 00 | N[:12]) | CMAC(0002 | "X" | 00 | N[:12]).
 * Commitment: CMAC("XCMT" | N | 00010001) | CMAC("XCMT" | N | 00010002), whose first block both share.
 */
function createDerivation(cipher: BlockCipher, k1: Buffer): Derivation {
  const [firstBase, lastBase] = [firstTemplate(k1), lastTemplate(k1)]
  const [first, last] = [Buffer.alloc(3 * BLOCK), Buffer.alloc(2 * BLOCK)]
  const derive = (nonce: Uint8Array): Derived => {
    first.set(firstBase)
    for (let block = 0; block < 3; block += 1) xorInto(first, block * BLOCK + 4, nonce, 0, HALF_NONCE)
    const secrets = cipher.update(first)
    last.set(lastBase)
    for (let block = 0; block < 2; block += 1) {
      xorInto(last, block * BLOCK, nonce, HALF_NONCE, HALF_NONCE)
      xorInto(last, block * BLOCK, secrets, 2 * BLOCK, BLOCK)
    }
    const messageKey = createSecretKey(secrets.subarray(0, 2 * BLOCK))
    wipe(secrets)
    return { messageKey, commitment: cipher.update(last) }
  }
  return { derive, wipe: () => wipe(firstBase, lastBase, first, last) }
}

function encrypt({ messageKey, commitment }: Derived, nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array) {
  const cipher = createCipheriv('aes-256-gcm', messageKey, nonce.subarray(HALF_NONCE), gcmOptions)
  cipher.setAAD(aad)
  const ciphertext = cipher.update(plaintext)
  cipher.final()
  return { ciphertext, tag: cipher.getAuthTag(), commitment }
}

function decrypt(messageKey: KeyObject, nonce: Uint8Array, sealed: XaesSealedBytes, aad: Uint8Array) {
  const decipher = createDecipheriv('aes-256-gcm', messageKey, nonce.subarray(HALF_NONCE), gcmOptions)
  decipher.setAAD(aad)
  decipher.setAuthTag(sealed.tag)
  const plaintext = decipher.update(sealed.ciphertext)
  try {
    decipher.final()
    return plaintext
  } catch {
    wipe(plaintext)
    return undefined
  }
}

/**
 * Prepares a 32-byte key for XAES-256-GCM (https://c2sp.org/XAES-256-GCM) with the key commitment of KC-XAES-256-GCM
 * (Kampanakis, Halevi, Ebeid and Campagna, https://eprint.iacr.org/2025/758), to which the C2SP page refers.
 * The caller may wipe its own copy of `key` afterwards.
 * Keys go to OpenSSL as KeyObject: with raw bytes Node 24 spends more time on telling key types apart than on the cipher.
 * @throws CryptoError `invalid_key` unless `key` has 32 bytes.
 */
export function createXaesKey(key: Uint8Array): XaesKey {
  assertBytes(key, XAES_KEY_LENGTH, 'invalid_key')
  const cipher = createBlockCipher(key)
  const k1 = cmacSubkey(cipher)
  let derivation: Derivation | undefined = createDerivation(cipher, k1)
  wipe(k1)
  const derived = (nonce: Uint8Array): Derived => {
    if (derivation === undefined) throw new CryptoError('destroyed_key')
    return derivation.derive(nonce)
  }
  return {
    seal(nonce, plaintext, aad) {
      assertBytes(nonce, XAES_NONCE_LENGTH)
      return encrypt(derived(nonce), nonce, plaintext, aad)
    },
    open(nonce, sealed, aad) {
      if (nonce.length !== XAES_NONCE_LENGTH || sealed.tag.length !== XAES_TAG_LENGTH) return undefined
      const { messageKey, commitment } = derived(nonce)
      if (!equalBytes(commitment, sealed.commitment)) return undefined
      return decrypt(messageKey, nonce, sealed, aad)
    },
    destroy() {
      derivation?.wipe()
      derivation = undefined
    },
  }
}
