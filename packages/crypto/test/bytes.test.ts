import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import {
  assertBytes,
  concatBytes,
  encodeFields,
  equalBytes,
  type Field,
  fromBase64url,
  toBase64url,
  utf8Bytes,
  wipe,
} from '../src/bytes.ts'
import { CryptoError } from '../src/errors.ts'

const anyField = fc.oneof<fc.Arbitrary<Field>[]>(
  fc.string({ unit: 'binary' }),
  fc.uint8Array(),
  fc.nat({ max: Number.MAX_SAFE_INTEGER }),
)
const anyFields = fc.array(anyField, { maxLength: 6 })

/** Reads an encoding back, which is possible only if nothing in it is ambiguous. */
function decodeFields(bytes: Buffer): Field[] {
  let offset = 2
  return Array.from({ length: bytes.readUInt16BE(0) }, () => {
    const [tag, length] = [bytes.toString('latin1', offset, offset + 1), bytes.readUInt32BE(offset + 1)]
    const content = bytes.subarray(offset + 5, offset + 5 + length)
    offset += 5 + length
    if (tag === 't') return content.toString('utf8')
    return tag === 'n' ? Number(content.readBigUInt64BE(0)) : new Uint8Array(content)
  })
}

describe('encodeFields', () => {
  test('writes count, type, length and bytes', () => {
    const encoded = encodeFields(['aé', Uint8Array.of(1, 2), 2 ** 32 + 5])
    expect(encoded.toString('hex')).toBe(
      '0003' + '740000000361c3a9' + '62000000020102' + '6e00000008' + '0000000100000005',
    )
  })

  test('can be read back whatever the fields are', () => {
    const law = fc.property(anyFields, (fields) => {
      expect(decodeFields(encodeFields(fields))).toEqual(fields)
    })
    fc.assert(law)
  })

  test('moves no byte from one field to its neighbour unnoticed', () => {
    const encodings = [['ab', 'c'], ['a', 'bc'], ['abc', ''], ['', 'abc'], ['abc'], [utf8Bytes('abc')], ['1'], [1], []]
    expect(new Set(encodings.map((fields) => encodeFields(fields).toString('hex'))).size).toBe(encodings.length)
  })

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('refuses the number %d', (number) => {
    expect(() => encodeFields([number])).toThrow(new CryptoError('invalid_fields'))
  })

  test('refuses text with a lone surrogate, which has no UTF-8 of its own', () => {
    expect(() => encodeFields(['\ud800'])).toThrow(new CryptoError('invalid_fields'))
  })

  test('refuses values of other types and lists that are too long', () => {
    expect(() => encodeFields([null as unknown as string])).toThrow(new CryptoError('invalid_fields'))
    expect(() => encodeFields(Array.from({ length: 65_536 }, () => 0))).toThrow(new CryptoError('invalid_fields'))
  })
})

describe('byte arrays', () => {
  test('are equal only with the same length and content', () => {
    expect(equalBytes(utf8Bytes('same'), utf8Bytes('same'))).toBe(true)
    expect(equalBytes(utf8Bytes('same'), utf8Bytes('sane'))).toBe(false)
    expect(equalBytes(utf8Bytes('same'), utf8Bytes('same '))).toBe(false)
  })

  test('are zeroed by wipe and joined by concatBytes', () => {
    const [one, other] = [Buffer.from([1, 2]), Uint8Array.of(3)]
    expect(concatBytes(one, other)).toEqual(Buffer.from([1, 2, 3]))
    wipe(one, other)
    expect(concatBytes(one, other)).toEqual(Buffer.alloc(3))
  })

  test('are refused by assertBytes with the wrong length or type', () => {
    expect(() => assertBytes(Buffer.alloc(2), 2)).not.toThrow()
    expect(() => assertBytes(Buffer.alloc(2), 3)).toThrow(new CryptoError('invalid_bytes'))
    expect(() => assertBytes('ab', 2, 'invalid_key')).toThrow(new CryptoError('invalid_key'))
  })

  test('have exactly one base64url spelling', () => {
    const law = fc.property(fc.uint8Array(), (bytes) => {
      expect(fromBase64url(toBase64url(bytes))).toEqual(Buffer.from(bytes))
    })
    fc.assert(law)
    for (const text of ['QQ==', 'QR', 'Q', '+/8', 'Q Q', 'QQ\n']) expect(fromBase64url(text)).toBeUndefined()
  })
})
