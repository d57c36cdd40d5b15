import { createCipheriv, createDecipheriv } from 'node:crypto'

import { describe, expect, test } from 'vitest'

import { encodeFields } from '../src/bytes.ts'
import { CryptoError } from '../src/errors.ts'
import { createSealingKey, openBox } from '../src/sealed-box.ts'
import { createXaesKey } from '../src/xaes-256-gcm.ts'

// AES-GCM alone lets an attacker who knows two keys make one ciphertext that is authentic under both. This file does so,
// by solving for the one ciphertext block that gives both keys the same tag, and shows that a box still opens for one only.

const ONE_BLOCK_BITS = 128n
const REDUCTION = 0xe1n << 120n

function toNumber(block: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(block).toString('hex')}`)
}

function toBlock(number: bigint): Buffer {
  return Buffer.from(number.toString(16).padStart(32, '0'), 'hex')
}

/** Product in GF(2^128), SP 800-38D section 6.3. */
function multiply(x: bigint, y: bigint): bigint {
  let [product, factor] = [0n, y]
  for (let bit = ONE_BLOCK_BITS - 1n; bit >= 0n; bit -= 1n) {
    if ((x >> bit) & 1n) product ^= factor
    factor = factor & 1n ? (factor >> 1n) ^ REDUCTION : factor >> 1n
  }
  return product
}

/** x^(2^128 - 2). */
function invert(x: bigint): bigint {
  let [result, power] = [1n << 127n, x]
  for (let step = 1; step < 128; step += 1) {
    power = multiply(power, power)
    result = multiply(result, power)
  }
  return result
}

function aesBlock(key: Uint8Array, block: Uint8Array): Buffer {
  return createCipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(block)
}

/** The message key of XAES-256-GCM, computed straight from the specification. */
function messageKey(key: Buffer, nonce: Buffer): Buffer {
  const zero = toNumber(aesBlock(key, Buffer.alloc(16)))
  const subkey = ((zero << 1n) & ((1n << 128n) - 1n)) ^ (zero >> 127n ? 0x87n : 0n)
  const half = (counter: string) => {
    const block = Buffer.concat([Buffer.from(`00${counter}5800`, 'hex'), nonce.subarray(0, 12)])
    return aesBlock(key, toBlock(toNumber(block) ^ subkey))
  }
  return Buffer.concat([half('01'), half('02')])
}

function ghash(hashKey: bigint, blocks: readonly bigint[]): bigint {
  return blocks.reduce((sum, block) => multiply(sum ^ block, hashKey), 0n)
}

function padded(bytes: Buffer): bigint[] {
  const whole = Buffer.concat([bytes, Buffer.alloc((16 - (bytes.length % 16)) % 16)])
  return Array.from({ length: whole.length / 16 }, (_, index) => toNumber(whole.subarray(index * 16, index * 16 + 16)))
}

const nonce = Buffer.alloc(24, 0x42)
const aadFields = ['record', 'tenant', 'subject']
const aad = encodeFields([1, 5, ...aadFields])
const keys = [Buffer.alloc(32, 0xa1), Buffer.alloc(32, 0xb2)] as const

function parametersOf(key: Buffer) {
  const secret = messageKey(key, nonce)
  const counter = Buffer.concat([nonce.subarray(12), Buffer.from([0, 0, 0, 1])])
  return { secret, hashKey: toNumber(aesBlock(secret, Buffer.alloc(16))), mask: toNumber(aesBlock(secret, counter)) }
}

/** One ciphertext block and a tag that are right under both keys. */
function craft() {
  const [one, other] = [parametersOf(keys[0]), parametersOf(keys[1])]
  const lengths = (BigInt(aad.length * 8) << 64n) | ONE_BLOCK_BITS
  const tagOf = (of: typeof one, block: bigint) => ghash(of.hashKey, [...padded(aad), block, lengths]) ^ of.mask
  const squares = multiply(one.hashKey, one.hashKey) ^ multiply(other.hashKey, other.hashKey)
  const block = multiply(tagOf(one, 0n) ^ tagOf(other, 0n), invert(squares))
  return { ciphertext: toBlock(block), tag: toBlock(tagOf(one, block)), secrets: [one.secret, other.secret] }
}

const crafted = craft()

function boxFor(committedKey: Buffer): Buffer {
  const { commitment } = createXaesKey(committedKey).seal(nonce, Buffer.alloc(0), aad)
  return Buffer.concat([Buffer.from([1, 0, 0, 0, 5]), nonce, commitment, crafted.ciphertext, crafted.tag])
}

describe('a ciphertext made for two keys', () => {
  test('is authentic under both in AES-GCM, which is why boxes commit to their key', () => {
    for (const secret of crafted.secrets) {
      const decipher = createDecipheriv('aes-256-gcm', secret, nonce.subarray(12))
      decipher.setAAD(aad).setAuthTag(crafted.tag).update(crafted.ciphertext)
      expect(() => decipher.final()).not.toThrow()
    }
  })

  test.each([
    [0, 1],
    [1, 0],
  ] as const)('opens as a box for the key it commits to (%i) and for no other (%i)', (own, other) => {
    const box = boxFor(keys[own])
    expect(openBox(createSealingKey(5, keys[own]), aadFields, box)).toHaveLength(16)
    const refused = () => openBox(createSealingKey(5, keys[other]), aadFields, box)
    expect(refused).toThrow(new CryptoError('decryption_failed'))
  })
})
