import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { Field } from '../src/bytes.ts'
import { CryptoError } from '../src/errors.ts'
import { createKeyRing } from '../src/key-ring.ts'
import { recordAad } from '../src/record-aad.ts'
import { BOX_OVERHEAD, boxKeyId, createSealingKey, openBox, sealBox, type SealingKey } from '../src/sealed-box.ts'

const place = { tenantId: 'tenant-1', subjectId: 'subject-1', recordId: 'record-1', field: 'content', version: 3 }
const aad = recordAad(place)
const plaintext = Buffer.from('the meeting moved to Thursday')
const key = createSealingKey(7, Buffer.alloc(32, 0x11))
const box = sealBox(key, aad, plaintext)

function expectRefused(candidate: Uint8Array, fields: readonly Field[] = aad, keys: SealingKey = key): void {
  expect(() => openBox(keys, fields, candidate)).toThrow(new CryptoError('decryption_failed'))
}

describe('a sealed box', () => {
  test('opens to its plaintext, whatever bytes and fields', () => {
    const fields = fc.array(fc.oneof(fc.string(), fc.uint8Array(), fc.nat()), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fields, (bytes, any) => {
        expect(openBox(key, any, sealBox(key, any, bytes))).toEqual(Buffer.from(bytes))
      }),
    )
  })

  test('starts with its version and key id and is 77 bytes longer than its plaintext', () => {
    expect(box.subarray(0, 5).toString('hex')).toBe('0100000007')
    expect(box.length - plaintext.length).toBe(77)
    expect(BOX_OVERHEAD).toBe(77)
    expect(boxKeyId(box)).toBe(7)
  })

  test('opens from a plain Uint8Array that is a part of a larger one', () => {
    const larger = new Uint8Array(box.length + 9)
    larger.set(box, 9)
    expect(openBox(key, aad, larger.subarray(9))).toEqual(plaintext)
  })

  test('of format version 1 opens forever', () => {
    const frozen = Buffer.from(
      '0100000007980cc26b0a4e0b53fd11b94bf147def990b5e244b16b42eceaf0691eb18515a61adff73bf5d2134556e684e0f76e371554afe3d0726cad095f2121fa2420b7d8f79486ecf1d785b4fe56efc6530250b58b5b26519c8f16c0aac4874bc67e35c8cf09c927bf',
      'hex',
    )
    expect(openBox(key, aad, frozen)).toEqual(plaintext)
  })

  test('never repeats a nonce, also when the pool of random bytes is refilled', () => {
    const nonces = Array.from({ length: 1000 }, () => sealBox(key, aad, plaintext).toString('hex', 5, 29))
    expect(new Set(nonces).size).toBe(1000)
    expect(nonces).not.toContain('00'.repeat(24))
  })
})

describe('opening refuses', () => {
  test('a box with any bit of any byte flipped', () => {
    for (let index = 0; index < box.length * 8; index += 1) {
      const flipped = Buffer.from(box)
      flipped.writeUInt8(flipped.readUInt8(index >> 3) ^ (1 << (index & 7)), index >> 3)
      expectRefused(flipped)
    }
  })

  test('a box cut at any length, from either end', () => {
    for (let length = 0; length < box.length; length += 1) {
      expectRefused(box.subarray(0, length))
      expectRefused(box.subarray(box.length - length))
    }
  })

  test('a longer box', () => {
    expectRefused(Buffer.concat([box, Buffer.from([0])]))
    expectRefused(Buffer.concat([Buffer.from([0]), box]))
    expectRefused(Buffer.concat([box, box]))
  })

  const parts = {
    version: [0, 1],
    'key id': [1, 5],
    nonce: [5, 29],
    commitment: [29, 61],
    ciphertext: [61, 90],
    tag: [90, 106],
  }
  test.each(Object.entries(parts))('a box whose %s is cut out or zeroed', (_name, [start = 0, end = 0]) => {
    expectRefused(Buffer.concat([box.subarray(0, start), box.subarray(end)]))
    const zeroed = Buffer.from(box)
    zeroed.fill(0, start, end)
    expectRefused(zeroed)
  })

  test('a box with nonce, commitment, ciphertext or tag of another box of the same place', () => {
    const other = sealBox(key, aad, plaintext)
    for (const [start = 0, end = 0] of [parts.nonce, parts.commitment, parts.ciphertext, parts.tag]) {
      const mixed = Buffer.from(box)
      other.copy(mixed, start, start, end)
      expectRefused(mixed)
    }
  })

  test('a box moved to another tenant, subject, record, field or version', () => {
    const moves = [
      { tenantId: 'tenant-2' },
      { subjectId: '' },
      { recordId: 'record-2' },
      { field: 'topic' },
      { version: 2 },
    ]
    for (const move of moves) expectRefused(box, recordAad({ ...place, ...move }))
    expectRefused(box, recordAad({ ...place, tenantId: place.subjectId, subjectId: place.tenantId }))
  })

  test('a box of another row in place of its own', () => {
    const there = { ...place, recordId: 'record-2' }
    const swapped = sealBox(key, recordAad(there), plaintext)
    expectRefused(swapped)
    expectRefused(box, recordAad(there))
  })

  test('fields left out, added, or joined', () => {
    expectRefused(box, aad.slice(1))
    expectRefused(box, aad.slice(0, -1))
    expectRefused(box, [...aad, ''])
    expectRefused(box, [aad.join('')])
  })

  test('another key with the same id', () => {
    expectRefused(box, aad, createSealingKey(7, Buffer.alloc(32, 0x12)))
  })

  test('the same key under another id, as key or in the box', () => {
    const renamed = createSealingKey(8, Buffer.alloc(32, 0x11))
    const relabelled = Buffer.from(box)
    relabelled.writeUInt32BE(8, 1)
    expectRefused(box, aad, renamed)
    expectRefused(relabelled, aad, renamed)
  })

  test('everything with the very same error', () => {
    const attempts = [Buffer.alloc(0), Buffer.alloc(200), box.subarray(1), Buffer.concat([box, box])]
    const errors = attempts.map((attempt) => {
      try {
        return openBox(key, aad, attempt)
      } catch (error) {
        return error
      }
    })
    for (const error of errors) {
      expect(error).toBeInstanceOf(CryptoError)
      expect(error).toEqual(errors[0])
      expect((error as CryptoError).cause).toBeUndefined()
    }
  })
})

describe('a key ring', () => {
  const older = createSealingKey(6, Buffer.alloc(32, 0x22))
  const ring = createKeyRing(key, [older])

  test('opens the boxes of its current and its previous keys', () => {
    expect(openBox(ring, aad, box)).toEqual(plaintext)
    expect(openBox(ring, aad, sealBox(older, aad, plaintext))).toEqual(plaintext)
  })

  test('refuses boxes of keys that it does not hold', () => {
    const stranger = createSealingKey(9, Buffer.alloc(32, 0x33))
    expect(() => openBox(ring, aad, sealBox(stranger, aad, plaintext))).toThrow(new CryptoError('decryption_failed'))
  })

  test('knows current key and ids, and throws for others', () => {
    expect(ring.current()).toBe(key)
    expect(ring.ids()).toEqual([7, 6])
    expect(ring.byId(6)).toBe(older)
    expect(ring.find(5)).toBeUndefined()
    expect(() => ring.byId(5)).toThrow(new CryptoError('unknown_key'))
  })

  test('refuses two keys with one id', () => {
    expect(() => createKeyRing(key, [older, createSealingKey(7, Buffer.alloc(32, 1))])).toThrow(
      new CryptoError('invalid_key'),
    )
  })
})

describe('sealing', () => {
  test('refuses to bind a box to nothing', () => {
    expect(() => sealBox(key, [], plaintext)).toThrow(new CryptoError('invalid_fields'))
    expect(() => openBox(key, [], box)).toThrow(new CryptoError('invalid_fields'))
  })

  test.each([-1, 0.5, 2 ** 32, Number.NaN])('refuses the key id %d', (id) => {
    expect(() => createSealingKey(id, Buffer.alloc(32, 1))).toThrow(new CryptoError('invalid_key'))
  })

  test('refuses a destroyed key', () => {
    const destroyed = createSealingKey(1, Buffer.alloc(32, 1))
    const sealed = sealBox(destroyed, aad, plaintext)
    destroyed.destroy()
    expect(() => sealBox(destroyed, aad, plaintext)).toThrow(new CryptoError('destroyed_key'))
    expect(() => openBox(destroyed, aad, sealed)).toThrow(new CryptoError('destroyed_key'))
  })

  test('reads no key id from bytes that are no box', () => {
    expect(() => boxKeyId(Buffer.alloc(76, 1))).toThrow(new CryptoError('invalid_box'))
    expect(() => boxKeyId(Buffer.alloc(100, 2))).toThrow(new CryptoError('invalid_box'))
  })
})
