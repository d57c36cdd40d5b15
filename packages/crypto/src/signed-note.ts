import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto'
import { assertBytes, equalBytes } from './bytes.ts'
import { CryptoError } from './errors.ts'

/** Signature types of C2SP signed-note: a log signs with Ed25519, a witness cosigns with a time. */
const ED25519 = 0x01
const COSIGNATURE_V1 = 0x04

const KEY_ID_LENGTH = 4
const PUBLIC_KEY_LENGTH = 32
const SIGNATURE_LENGTH = 64
const TIME_LENGTH = 8
const MAX_NOTE = 1_000_000
const DASH = '\u2014'
const NAME = /^[^\s+]{1,255}$/u

/** DER prefixes of Ed25519 keys (RFC 8410). */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Who signs: a name, and the public key behind it. */
export interface NoteVerifier {
  readonly name: string
  readonly keyId: Uint8Array
  readonly publicKey: KeyObject
  /** Whether its signatures are cosignatures, which carry a time. */
  readonly cosigns: boolean
}

/** A signer of notes; the secret stays inside. */
export interface NoteSigner {
  readonly name: string
  readonly verifierKey: string
  /** The text with one more signature. */
  sign(note: string): string
}

/** A signature that was found right; `time` (s since the epoch) is there for cosignatures. */
export interface NoteSignature {
  readonly name: string
  readonly time?: number
}

/**
 * Verifier key `name+hash+base64` of C2SP signed-note. @throws CryptoError `invalid_label`, `invalid_key`.
 */
export function encodeVerifierKey(name: string, publicKey: Uint8Array, { cosigns = false } = {}): string {
  requireName(name)
  assertBytes(publicKey, PUBLIC_KEY_LENGTH, 'invalid_key')
  const typed = Buffer.concat([Buffer.from([cosigns ? COSIGNATURE_V1 : ED25519]), publicKey])
  return `${name}+${keyIdOf(name, typed).toString('hex')}+${typed.toString('base64')}`
}

/** Reads a verifier key. @throws CryptoError `invalid_key` for anything that is not one. */
export function parseVerifierKey(text: string): NoteVerifier {
  const [, name = '', id = '', encoded = ''] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/u.exec(text.trim()) ?? []
  const typed = fromBase64(encoded)
  const type = typed[0]
  const isKnown = type === ED25519 || type === COSIGNATURE_V1
  const keyId = Buffer.from(id, 'hex')
  if (!isKnown || typed.length !== 1 + PUBLIC_KEY_LENGTH || !equalBytes(keyIdOf(name, typed), keyId)) {
    throw new CryptoError('invalid_key')
  }
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI, typed.subarray(1)]), format: 'der', type: 'spki' })
  return { name, keyId, publicKey, cosigns: type === COSIGNATURE_V1 }
}

/**
 * A signer from a 32-byte Ed25519 seed. With `cosigns` it is a witness: it signs the note together with the time (C2SP
 * tlog-cosignature, version 1). @throws CryptoError `invalid_label`, `invalid_key`.
 */
export function createNoteSigner(
  name: string,
  seed: Uint8Array,
  { cosigns = false, now = Date.now }: { readonly cosigns?: boolean; readonly now?: () => number } = {},
): NoteSigner {
  assertBytes(seed, 32, 'invalid_key')
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(SPKI.length)
  const verifierKey = encodeVerifierKey(name, publicKey, { cosigns })
  const { keyId } = parseVerifierKey(verifierKey)
  return {
    name,
    verifierKey,
    sign(note) {
      const text = textOf(note)
      const time = Math.floor(now() / 1000)
      const signature = cosigns ? cosign(key, text, time) : sign(null, Buffer.from(text), key)
      const line = `${DASH} ${name} ${Buffer.concat([keyId, signature]).toString('base64')}\n`
      return note === text ? `${text}\n${line}` : note + line
    },
  }
}

/** The text of a note: what is signed, its last line break included. @throws CryptoError `invalid_box` for no note. */
export function textOf(note: string): string {
  const end = note.lastIndexOf('\n\n')
  const text = end !== -1 && note.slice(end + 2).startsWith(DASH) ? note.slice(0, end + 1) : note
  if (note.length > MAX_NOTE || !text.endsWith('\n') || !text.isWellFormed()) throw new CryptoError('invalid_box')
  return text
}

/**
 * The signatures of a note that are those of `verifiers`; signatures of others are passed over.
 * @throws CryptoError `invalid_box` when it is no note, `decryption_failed` when a signature in the name of a verifier is wrong.
 */
export function verifyNote(note: string, verifiers: readonly NoteVerifier[]): NoteSignature[] {
  const text = textOf(note)
  const lines = note.slice(text.length).split('\n').slice(1, -1)
  if (note === text || lines.length === 0 || !note.endsWith('\n')) throw new CryptoError('invalid_box')
  return lines.flatMap((line) => {
    const { name, keyId, signature } = parseLine(line)
    const verifier = verifiers.find((known) => known.name === name && equalBytes(known.keyId, keyId))
    return verifier === undefined ? [] : [checked(verifier, text, signature)]
  })
}

function parseLine(line: string) {
  const [, name = '', encoded = ''] = new RegExp(`^${DASH} ([^\\s+]+) ([A-Za-z0-9+/=]+)$`, 'u').exec(line) ?? []
  const bytes = fromBase64(encoded)
  if (bytes.length <= KEY_ID_LENGTH) throw new CryptoError('invalid_box')
  return { name, keyId: bytes.subarray(0, KEY_ID_LENGTH), signature: bytes.subarray(KEY_ID_LENGTH) }
}

function checked({ name, publicKey, cosigns }: NoteVerifier, text: string, signature: Buffer): NoteSignature {
  if (!cosigns) {
    if (!verify(null, Buffer.from(text), publicKey, signature)) throw new CryptoError('decryption_failed')
    return { name }
  }
  if (signature.length !== TIME_LENGTH + SIGNATURE_LENGTH) throw new CryptoError('decryption_failed')
  const time = Number(signature.readBigUInt64BE())
  if (!verify(null, cosigned(text, time), publicKey, signature.subarray(TIME_LENGTH))) {
    throw new CryptoError('decryption_failed')
  }
  return { name, time }
}

function cosign(key: KeyObject, text: string, time: number): Buffer {
  const stamp = Buffer.alloc(TIME_LENGTH)
  stamp.writeBigUInt64BE(BigInt(time))
  return Buffer.concat([stamp, sign(null, cosigned(text, time), key)])
}

function cosigned(text: string, time: number): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${time}\n${text}`)
}

function keyIdOf(name: string, typedKey: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), typedKey]), 'buffer').subarray(0, KEY_ID_LENGTH)
}

/** Only the one spelling of some bytes; nothing of anything else. */
function fromBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : Buffer.alloc(0)
}

function requireName(name: string): void {
  if (!NAME.test(name)) throw new CryptoError('invalid_label')
}
