import { describe, expect, test } from 'vitest'

import { blindIndex, emailIndex, normalizeEmail } from '../src/blind-index.ts'
import { CryptoError } from '../src/errors.ts'

const key = Buffer.alloc(32, 5)

describe('a blind index', () => {
  test('is 32 bytes and the same for the same value, field and key', () => {
    expect(blindIndex(key, 'email', 'a@example.org')).toHaveLength(32)
    expect(blindIndex(key, 'email', 'a@example.org')).toEqual(blindIndex(key, 'email', 'a@example.org'))
  })

  test('differs with value, field and key, and does not join field and value', () => {
    const one = blindIndex(key, 'ab', 'c')
    const others = [blindIndex(key, 'a', 'bc'), blindIndex(key, 'ab', 'd'), blindIndex(Buffer.alloc(32, 6), 'ab', 'c')]
    for (const other of others) expect(other).not.toEqual(one)
  })

  test('needs a key of 32 bytes', () => {
    expect(() => blindIndex(Buffer.alloc(31), 'email', 'x')).toThrow(new CryptoError('invalid_key'))
  })
})

test('an e-mail address is found under every spelling of it', () => {
  expect(normalizeEmail('  Ren\u0065\u0301@Example.ORG\n')).toBe('ren\u00e9@example.org')
  expect(emailIndex(key, ' A@Example.org ')).toEqual(emailIndex(key, 'a@example.org'))
  expect(emailIndex(key, 'a@example.org')).not.toEqual(emailIndex(key, 'b@example.org'))
})
