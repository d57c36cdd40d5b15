import { describe, expect, test } from 'vitest'

import { deriveKey, hkdfSha256, KEY_PURPOSES, type KeyPurpose } from '../src/derive-key.ts'
import { CryptoError } from '../src/errors.ts'

function counting(from: number, to: number): Buffer {
  return Buffer.from(Array.from({ length: to - from + 1 }, (_, index) => from + index))
}

/** RFC 5869, appendix A.1 to A.3. */
const vectors = [
  {
    secret: Buffer.alloc(22, 0x0b),
    salt: counting(0x00, 0x0c),
    info: counting(0xf0, 0xf9),
    output: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  },
  {
    secret: counting(0x00, 0x4f),
    salt: counting(0x60, 0xaf),
    info: counting(0xb0, 0xff),
    output:
      'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09' +
      'da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
  },
  {
    secret: Buffer.alloc(22, 0x0b),
    salt: Buffer.alloc(0),
    info: Buffer.alloc(0),
    output: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  },
]

test.each(vectors)('hkdfSha256 gives $output', ({ secret, salt, info, output }) => {
  expect(hkdfSha256(secret, salt, info, output.length / 2).toString('hex')).toBe(output)
})

describe('deriveKey', () => {
  const key = Buffer.alloc(32, 0x0b)
  const purposes = Object.keys(KEY_PURPOSES) as KeyPurpose[]

  test('is HKDF with an empty salt and the label of the purpose', () => {
    const expected = hkdfSha256(key, Buffer.alloc(0), Buffer.from('memoric/v1/content'), 32)
    expect(deriveKey(key, 'content')).toEqual(expected)
  })

  test('gives every purpose a key of its own', () => {
    expect(new Set(Object.values(KEY_PURPOSES)).size).toBe(purposes.length)
    expect(new Set(purposes.map((purpose) => deriveKey(key, purpose).toString('hex'))).size).toBe(purposes.length)
  })

  test('gives different keys different results', () => {
    expect(deriveKey(Buffer.alloc(32, 0x0c), 'index')).not.toEqual(deriveKey(key, 'index'))
  })

  test('refuses keys of another length', () => {
    expect(() => deriveKey(Buffer.alloc(16), 'content')).toThrow(new CryptoError('invalid_key'))
  })
})
