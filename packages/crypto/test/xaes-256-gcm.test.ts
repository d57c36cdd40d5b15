import { createHash } from 'node:crypto'

import { describe, expect, test } from 'vitest'

import { CryptoError } from '../src/errors.ts'
import { createXaesKey } from '../src/xaes-256-gcm.ts'

const nonce = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWX')
const plaintext = Buffer.from('XAES-256-GCM')

/** C2SP XAES-256-GCM, section "Test vectors"; commitments: KC-XAES-256-GCM for the same inputs. */
const vectors = [
  {
    name: 'whose CMAC subkey needs no reduction',
    key: Buffer.alloc(32, 0x01),
    aad: '',
    sealed: 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271',
    commitment: '04076b6085eebab138855fe57811c04112eff989d44120dfff662d5475a383c3',
  },
  {
    name: 'whose CMAC subkey is reduced',
    key: Buffer.alloc(32, 0x03),
    aad: 'c2sp.org/XAES-256-GCM',
    sealed: '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d',
    commitment: '5553cd21d1592b422e3129632a3187eee8a658cdca5c5b32ce86308dcc18e9d1',
  },
]

describe.each(vectors)('the published vector $name', ({ key, aad, sealed, commitment }) => {
  const xaes = createXaesKey(key)

  test('seals to the published bytes', () => {
    const result = xaes.seal(nonce, plaintext, Buffer.from(aad))
    expect(Buffer.concat([result.ciphertext, result.tag]).toString('hex')).toBe(sealed)
    expect(result.commitment.toString('hex')).toBe(commitment)
  })

  test('opens again', () => {
    const bytes = Buffer.from(sealed, 'hex')
    const parts = {
      ciphertext: bytes.subarray(0, -16),
      tag: bytes.subarray(-16),
      commitment: Buffer.from(commitment, 'hex'),
    }
    expect(xaes.open(nonce, parts, Buffer.from(aad))).toEqual(plaintext)
  })
})

/** Reads the structures of the C2SP accumulated test from one SHAKE-128 stream. */
function createReader(stream: Buffer) {
  let offset = 0
  const take = (length: number) => stream.subarray(offset, (offset += length))
  return { take, takeVector: () => take(take(1).readUInt8(0)) }
}

test('passes the accumulated C2SP test of 10,000 random messages', () => {
  const reader = createReader(createHash('shake128', { outputLength: 4_000_000 }).digest())
  const hash = createHash('shake128', { outputLength: 32 })
  for (let round = 0; round < 10_000; round += 1) {
    const key = createXaesKey(reader.take(32))
    const [randomNonce, message, aad] = [reader.take(24), reader.takeVector(), reader.takeVector()]
    const sealed = key.seal(randomNonce, message, aad)
    hash.update(sealed.ciphertext).update(sealed.tag)
    const opened = key.open(randomNonce, sealed, aad)
    if (opened?.equals(message) !== true) expect.fail(`round ${round} does not open`)
  }
  expect(hash.digest('hex')).toBe('e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939')
})

describe('createXaesKey', () => {
  const key = Buffer.alloc(32, 7)
  const aad = Buffer.from('aad')

  test('keeps working after the caller has wiped its copy of the key', () => {
    const copy = Buffer.from(key)
    const xaes = createXaesKey(copy)
    const before = xaes.seal(nonce, plaintext, aad)
    copy.fill(0)
    expect(xaes.seal(nonce, plaintext, aad)).toEqual(before)
  })

  test('does not mix the messages of two keys that work in turn', () => {
    const [one, other] = [createXaesKey(key), createXaesKey(Buffer.alloc(32, 8))]
    const sealed = one.seal(nonce, plaintext, aad)
    expect(other.open(nonce, sealed, aad)).toBeUndefined()
    expect(one.open(nonce, sealed, aad)).toEqual(plaintext)
  })

  test('gives every nonce its own message key and commitment, whichever of its bytes differs', () => {
    const xaes = createXaesKey(key)
    const seen = new Set<string>()
    for (let index = 0; index < 24; index += 1) {
      const other = Buffer.from(nonce)
      other.writeUInt8(other.readUInt8(index) ^ 1, index)
      const { ciphertext, commitment } = xaes.seal(other, plaintext, aad)
      seen.add(ciphertext.toString('hex')).add(commitment.toString('hex'))
    }
    expect(seen.size).toBe(48)
  })

  test.each([0, 16, 31, 33, 64])('refuses a key of %i bytes', (length) => {
    expect(() => createXaesKey(Buffer.alloc(length, 1))).toThrow(new CryptoError('invalid_key'))
  })

  test.each([0, 12, 23, 25])('refuses to seal under a nonce of %i bytes', (length) => {
    expect(() => createXaesKey(key).seal(Buffer.alloc(length), plaintext, aad)).toThrow(
      new CryptoError('invalid_bytes'),
    )
  })

  test('refuses use after destroy', () => {
    const xaes = createXaesKey(key)
    const sealed = xaes.seal(nonce, plaintext, aad)
    xaes.destroy()
    expect(() => xaes.seal(nonce, plaintext, aad)).toThrow(new CryptoError('destroyed_key'))
    expect(() => xaes.open(nonce, sealed, aad)).toThrow(new CryptoError('destroyed_key'))
  })
})
