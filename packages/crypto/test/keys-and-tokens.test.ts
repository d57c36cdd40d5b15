import { crc32 } from 'node:zlib'

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { API_KEY_PATTERN, createApiKey, hashApiKeySecret, parseApiKey, verifyApiKeySecret } from '../src/api-key.ts'
import { checksum62, randomBase62 } from '../src/base62.ts'
import { CryptoError } from '../src/errors.ts'
import { createToken, hashToken, isToken } from '../src/opaque-token.ts'
import {
  createServiceKey,
  hashServiceKeySecret,
  parseServiceKey,
  SERVICE_KEY_PATTERN,
  verifyServiceKeySecret,
} from '../src/service-key.ts'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const pepper = Buffer.alloc(32, 9)

/** Every text that differs from the given one in one character. */
function* neighbours(text: string): Generator<string> {
  for (let index = 0; index < text.length; index += 1) {
    const other = text[index] === 'x' ? 'y' : 'x'
    yield text.slice(0, index) + other + text.slice(index + 1)
    yield text.slice(0, index) + text.slice(index + 1)
    yield text.slice(0, index) + other + text.slice(index)
  }
}

describe('base62', () => {
  test('spells the CRC-32 in six digits', () => {
    const digits = Array.from(checksum62('123456789'), (digit) => BASE62.indexOf(digit))
    expect(digits.reduce((value, digit) => value * 62 + digit, 0)).toBe(0xcbf43926)
    expect(crc32('123456789')).toBe(0xcbf43926)
    expect(checksum62('')).toBe('000000')
  })

  test('draws every character about equally often', () => {
    const counts = new Map<string, number>()
    for (const character of randomBase62(62_000)) counts.set(character, (counts.get(character) ?? 0) + 1)
    expect(counts.size).toBe(62)
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(300)
  })
})

describe('an API key', () => {
  const key = createApiKey('live')

  test('reads back as it was made', () => {
    expect(key.text).toMatch(/^mk_live_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}$/)
    expect(parseApiKey(key.text)).toEqual(key)
    expect(key).toMatchObject({ env: 'live', keyId: key.text.slice(8, 24), secret: key.text.slice(25, 68) })
  })

  test('is found in any text by its pattern', () => {
    const found = `curl -H "x-api-key: ${key.text}" …`.match(new RegExp(API_KEY_PATTERN))
    expect(found?.[0]).toBe(key.text)
  })

  test('is new each time', () => {
    const keys = Array.from({ length: 200 }, () => createApiKey('test'))
    expect(new Set(keys.map(({ keyId }) => keyId)).size).toBe(200)
    expect(new Set(keys.map(({ secret }) => secret)).size).toBe(200)
  })

  test('is refused with any character changed, left out or added', () => {
    for (const text of neighbours(key.text)) expect(parseApiKey(text)).toBeNull()
  })

  test('is refused with anything around it', () => {
    for (const text of [` ${key.text}`, `${key.text}\n`, `${key.text}x`, `Bearer ${key.text}`])
      expect(parseApiKey(text)).toBeNull()
  })

  test('is refused for a label that nobody made, right checksum or not', () => {
    for (const label of ['LIVE', 'l', 'toolonglabel', 'li-ve', '']) {
      const body = key.text.slice(0, -6).replace('live', label)
      expect(parseApiKey(body + checksum62(body))).toBeNull()
      expect(() => createApiKey(label)).toThrow(new CryptoError('invalid_label'))
    }
  })

  test('parser never throws, whatever it is given', () => {
    const law = fc.property(fc.oneof(fc.anything(), fc.string({ unit: 'binary' })), (value) => {
      expect(parseApiKey(value)).toBeNull()
      expect(parseServiceKey(value)).toBeNull()
      expect(isToken('mr', value)).toBe(false)
    })
    fc.assert(law, { numRuns: 500 })
  })

  test('is verified by the peppered hash of its secret only', () => {
    const stored = hashApiKeySecret(key.secret, pepper)
    expect(stored).toHaveLength(32)
    expect(verifyApiKeySecret(key.secret, pepper, stored)).toBe(true)
    expect(verifyApiKeySecret(createApiKey('live').secret, pepper, stored)).toBe(false)
    expect(verifyApiKeySecret(key.secret, Buffer.alloc(32, 8), stored)).toBe(false)
    expect(verifyApiKeySecret(key.secret, pepper, stored.subarray(1))).toBe(false)
  })

  test('is not hashed with a pepper that is too short', () => {
    expect(() => hashApiKeySecret(key.secret, Buffer.alloc(31))).toThrow(new CryptoError('invalid_key'))
  })
})

describe('a service key', () => {
  const key = createServiceKey('gateway')

  test('reads back as it was made and is no API key', () => {
    expect(key.text).toMatch(/^ms_gateway_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}$/)
    expect(parseServiceKey(key.text)).toEqual(key)
    expect(parseApiKey(key.text)).toBeNull()
    expect(parseServiceKey(createApiKey('live').text)).toBeNull()
    expect(new RegExp(SERVICE_KEY_PATTERN).test(key.text)).toBe(true)
  })

  test('is verified by the hash of its secret', () => {
    const stored = hashServiceKeySecret(key.secret)
    expect(verifyServiceKeySecret(key.secret, stored)).toBe(true)
    expect(verifyServiceKeySecret(`${key.secret}0`, stored)).toBe(false)
  })
})

describe('an opaque token', () => {
  const token = createToken('mr')

  test('is recognised with its own prefix only', () => {
    expect(token).toMatch(/^mr_[0-9A-Za-z]{49}$/)
    expect(isToken('mr', token)).toBe(true)
    expect(isToken('mi', token)).toBe(false)
  })

  test('is refused with any character changed, left out or added', () => {
    for (const text of neighbours(token)) expect(isToken('mr', text)).toBe(false)
  })

  test('is new each time', () => {
    expect(new Set(Array.from({ length: 200 }, () => createToken('mr'))).size).toBe(200)
  })

  test('is stored as SHA-256', () => {
    expect(hashToken('abc').toString('hex')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })

  test.each(['', 'm', 'MR', 'm_r', 'muchtoolong'])('is not made with the prefix "%s"', (prefix) => {
    expect(() => createToken(prefix)).toThrow(new CryptoError('invalid_label'))
  })
})
