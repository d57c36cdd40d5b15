import { describe, expect, test } from 'vitest'

import { CryptoError } from '../src/errors.ts'
import { createKeyRing } from '../src/key-ring.ts'
import { createSealingKey, sealBox } from '../src/sealed-box.ts'
import { generateKey, unwrapKey, wrapKey } from '../src/wrapped-key.ts'

const wrapping = createSealingKey(1, generateKey())
const context = ['subject-key', 'tenant-1', 'subject-1', 1]
const refusal = new CryptoError('decryption_failed')

describe('a wrapped key', () => {
  test('unwraps under the same key and context', () => {
    const key = generateKey()
    const wrapped = wrapKey(wrapping, context, key)
    expect(unwrapKey(wrapping, context, wrapped)).toEqual(key)
    expect(wrapped.includes(key)).toBe(false)
  })

  test('unwraps through a ring after rotation of the wrapping key', () => {
    const key = generateKey()
    const ring = createKeyRing(createSealingKey(2, generateKey()), [wrapping])
    expect(unwrapKey(ring, context, wrapKey(wrapping, context, key))).toEqual(key)
  })

  test.each([0, 1, 2, 3])('does not unwrap when field %i of its context differs', (index) => {
    const wrapped = wrapKey(wrapping, context, generateKey())
    const changed = context.with(index, 'other')
    expect(() => unwrapKey(wrapping, changed, wrapped)).toThrow(refusal)
  })

  test('is not a box of content, nor the other way round', () => {
    const key = generateKey()
    expect(() => unwrapKey(wrapping, context, sealBox(wrapping, context, key))).toThrow(refusal)
  })

  test('must have 32 bytes when wrapped and when unwrapped', () => {
    expect(() => wrapKey(wrapping, context, Buffer.alloc(16))).toThrow(new CryptoError('invalid_key'))
    const short = sealBox(wrapping, ['wrapped-key', ...context], Buffer.alloc(16))
    expect(() => unwrapKey(wrapping, context, short)).toThrow(refusal)
  })
})

test('generateKey gives 32 new bytes each time, in memory of their own', () => {
  const keys = Array.from({ length: 50 }, generateKey)
  expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(50)
  for (const key of keys) expect([key.length, key.buffer.byteLength]).toEqual([32, 32])
})
