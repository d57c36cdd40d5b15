import { timingSafeEqual } from 'node:crypto'

import { CryptoError, type CryptoErrorCode } from './errors.ts'

/** One field of an encoded list: text (well-formed Unicode), bytes, or an integer from 0 to 2^53 - 1. */
export type Field = string | Uint8Array | number

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

function writeInteger(target: Buffer, value: number, offset: number): void {
  target.writeUInt32BE(Math.floor(value / 0x1_0000_0000), offset)
  target.writeUInt32BE(value >>> 0, offset + 4)
}

function writeField(target: Buffer, field: Field, length: number, offset: number): void {
  const start = offset + FIELD_HEADER
  target.writeUInt32BE(length, offset + 1)
  if (typeof field === 'string') {
    target[offset] = tags.text
    target.write(field, start, 'utf8')
  } else if (typeof field === 'number') {
    target[offset] = tags.integer
    writeInteger(target, field, start)
  } else {
    target[offset] = tags.bytes
    target.set(field, start)
  }
}

/**
 * Encodes a list of fields so that two different lists never give the same bytes: the count as u16be, then for every
 * field a type byte (`t` text, `b` bytes, `n` integer), its length as u32be and its bytes (UTF-8, raw, u64be).
 * @throws CryptoError `invalid_fields` for more than 65,535 fields, text with a lone surrogate, a negative or unsafe number.
 */
export function encodeFields(fields: readonly Field[]): Buffer {
  if (fields.length > MAX_FIELDS) throw new CryptoError('invalid_fields')
  const lengths = fields.map(fieldLength)
  const total = lengths.reduce((sum, length) => sum + FIELD_HEADER + length, 2)
  const target = Buffer.allocUnsafe(total)
  let offset = target.writeUInt16BE(fields.length, 0)
  for (const [index, field] of fields.entries()) {
    const length = lengths[index] ?? 0
    writeField(target, field, length, offset)
    offset += FIELD_HEADER + length
  }
  return target
}
