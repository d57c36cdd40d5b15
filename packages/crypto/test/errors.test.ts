import { expect, test } from 'vitest'

import { CryptoError } from '../src/errors.ts'

test('a crypto error is told apart by its code and says nothing but a constant sentence', () => {
  const error = new CryptoError('decryption_failed')
  expect(error).toBeInstanceOf(Error)
  expect([error.name, error.code, error.message]).toEqual([
    'CryptoError',
    'decryption_failed',
    'The data could not be decrypted',
  ])
})
