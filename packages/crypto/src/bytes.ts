import { timingSafeEqual } from 'node:crypto'

import { CryptoError, type CryptoErrorCode } from './errors.ts'

/** One field of an encoded list: text (well-formed Unicode), bytes, or an integer from 0 to 2^53 - 1. */
export type Field = string | Uint8Array | number

const COUNT_LENGTH = 2
const FIELD_HEADER = 5
const INTEGER_LENGTH = 8
const MAX_FIELDS = 0xffff
const tags = { text: 0x74, bytes: 0x62, integer: 0x6e } as const

/**
 * Checks that a value is a byte array of exactly `length` bytes.
 * @throws CryptoError with `code` (default `invalid_bytes`) when it is not.
 */
export function assertBytes(
  value: unknown,
  length: number,
  code: CryptoErrorCode = 'invalid_bytes',
): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== length) throw new CryptoError(code)
}

/** Joins byte arrays into one new buffer. */
export function concatBytes(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts)
}

/** Compares in time that depends on the lengths alone; arrays of different length are unequal. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Overwrites every given array with zeros. */
export function wipe(...secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0)
}

/** The UTF-8 bytes of a text. */
export function utf8Bytes(text: string): Buffer {
  return Buffer.from(text, 'utf8')
}

/** RFC 4648 section 5, without padding. */
export function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}

/** Decodes unpadded base64url; anything but the one canonical spelling of some bytes gives undefined. */
export function fromBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

function fieldLength(field: Field): number {
  if (typeof field === 'string') {
    if (!field.isWellFormed()) throw new CryptoError('invalid_fields')
    return Buffer.byteLength(field)
  }
  if (typeof field === 'number') {
    if (!Number.isSafeInteger(field) || field < 0) throw new CryptoError('invalid_fields')
    return INTEGER_LENGTH
  }
  if (!(field instanceof Uint8Array)) throw new CryptoError('invalid_fields')
  return field.length
}

function writeU32(target: Buffer, value: number, offset: number): void {
  target[offset] = value >>> 24
  target[offset + 1] = value >>> 16
  target[offset + 2] = value >>> 8
  target[offset + 3] = value
}

/** Writes the content of a field and gives its length in bytes. */
function writeContent(target: Buffer, field: Field, offset: number): number {
  if (typeof field === 'string') return target.write(field, offset, 'utf8')
  if (typeof field === 'number') {
    writeU32(target, Math.floor(field / 0x1_0000_0000), offset)
    writeU32(target, field >>> 0, offset + 4)
    return INTEGER_LENGTH
  }
  target.set(field, offset)
  return field.length
}

function tagOf(field: Field): number {
  if (typeof field === 'string') return tags.text
  return typeof field === 'number' ? tags.integer : tags.bytes
}

/**
 * Encodes a list of fields so that two different lists never give the same bytes: the count as u16be, then for every
 * field a type byte (`t` text, `b` bytes, `n` integer), its length as u32be and its bytes (UTF-8, raw, u64be).
 * @throws CryptoError `invalid_fields` for more than 65,535 fields, text with a lone surrogate, a negative or unsafe number.
 */
export function encodeFields(fields: readonly Field[]): Buffer {
  if (fields.length > MAX_FIELDS) throw new CryptoError('invalid_fields')
  let total = COUNT_LENGTH
  for (const field of fields) total += FIELD_HEADER + fieldLength(field)
  const target = Buffer.allocUnsafe(total)
  let offset = target.writeUInt16BE(fields.length, 0)
  for (const field of fields) {
    const length = writeContent(target, field, offset + FIELD_HEADER)
    target[offset] = tagOf(field)
    writeU32(target, length, offset + 1)
    offset += FIELD_HEADER + length
  }
  return target
}
