import { describe, expect, test } from 'vitest'

import { CryptoError } from '../src/errors.ts'
import { createKekRing, createLocalKek, parseKeyText } from '../src/kek.ts'
import { generateKey } from '../src/wrapped-key.ts'

const key = Buffer.from('f0e1d2c3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccddeeff', 'hex')
const context = { tenant: 'tenant-1', purpose: 'tenant-key' }
const refusal = new CryptoError('decryption_failed')

describe('parseKeyText', () => {
  test.each(['hex', 'base64', 'base64url'] as const)('reads 32 bytes of %s', (encoding) => {
    const text = key.toString(encoding)
    expect(parseKeyText(text)).toEqual(key)
    expect(parseKeyText(`  ${text}\n`)).toEqual(key)
  })

  test('reads capital hex digits and base64 without padding', () => {
    expect(parseKeyText(key.toString('hex').toUpperCase())).toEqual(key)
    expect(parseKeyText(key.toString('base64').replace('=', ''))).toEqual(key)
  })

  const malformed = {
    nothing: '',
    words: 'correct horse battery staple',
    '31 bytes of hex': key.toString('hex').slice(2),
    '33 bytes of base64': Buffer.concat([key, key.subarray(0, 1)]).toString('base64'),
    '16 bytes of base64': key.subarray(0, 16).toString('base64'),
    'hex with a space': key.toString('hex').replace('c3', ' c'),
    'a base64 tail with spare bits': key.toString('base64url').slice(0, -1) + '9',
  }
  test.each(Object.entries(malformed))('refuses %s', (_name, text) => {
    expect(() => parseKeyText(text)).toThrow(new CryptoError('invalid_key'))
  })

  const weak = {
    zeros: Buffer.alloc(32),
    'one byte repeated': Buffer.alloc(32, 0xab),
    'a short pattern repeated': Buffer.alloc(32, key.subarray(0, 8)),
    'half a key twice': Buffer.alloc(32, key.subarray(0, 16)),
    'counting bytes': Buffer.from(Array.from({ length: 32 }, (_, index) => index)),
    'bytes counting down past zero': Buffer.from(Array.from({ length: 32 }, (_, index) => (5 - index) & 0xff)),
    'a passphrase': Buffer.from('change-this-secret-before-use-OK'),
  }
  test.each(Object.entries(weak))('refuses %s', (_name, bytes) => {
    expect(() => parseKeyText(bytes.toString('base64'))).toThrow(new CryptoError('weak_key'))
  })

  test('accepts random keys', () => {
    for (let round = 0; round < 1000; round += 1)
      expect(() => parseKeyText(generateKey().toString('hex'))).not.toThrow()
  })
})

describe('a local KEK', () => {
  const kek = createLocalKek(key.toString('hex'))
  const tenantKey = generateKey()

  test('wraps and unwraps, whatever the order of the context', async () => {
    const blob = await kek.wrap(tenantKey, context)
    expect(await kek.unwrap(blob, { purpose: 'tenant-key', tenant: 'tenant-1' })).toEqual(tenantKey)
  })

  test('has an id that depends on the key and does not show it', () => {
    expect(kek.id).toMatch(/^local:[0-9a-f]{8}$/)
    expect(createLocalKek(key.toString('base64')).id).toBe(kek.id)
    expect(createLocalKek(generateKey().toString('hex')).id).not.toBe(kek.id)
    expect(key.toString('hex')).not.toContain(kek.id.slice(6))
  })

  test.each([{}, { tenant: 'tenant-1' }, { ...context, tenant: 'tenant-2' }, { ...context, more: '' }])(
    'does not unwrap in the context %o',
    async (other) => {
      const blob = await kek.wrap(tenantKey, context)
      await expect(kek.unwrap(blob, other)).rejects.toThrow(refusal)
    },
  )

  test('does not unwrap what another key wrapped', async () => {
    const blob = await kek.wrap(tenantKey, context)
    await expect(createLocalKek(generateKey().toString('hex')).unwrap(blob, context)).rejects.toThrow(refusal)
  })
})

describe('a ring of KEKs', () => {
  const tenantKey = generateKey()
  const newKek = () => createLocalKek(generateKey().toString('hex'))

  test('wraps with the first and unwraps with each', async () => {
    const [old, fresh] = [newKek(), newKek()]
    const before = await createKekRing(old).wrap(tenantKey, context)
    const ring = createKekRing(fresh, [old])
    expect(await ring.unwrap(before, context)).toEqual(tenantKey)
    const after = await ring.wrap(tenantKey, context)
    expect(after.kekId).toBe(fresh.id)
    expect(await createKekRing(fresh).unwrap(after, context)).toEqual(tenantKey)
  })

  test('says which kind of key is missing', async () => {
    const wrapped = await createKekRing(newKek()).wrap(tenantKey, context)
    await expect(createKekRing(newKek()).unwrap(wrapped, context)).rejects.toThrow(new CryptoError('unknown_key'))
  })

  test('refuses the same KEK twice', () => {
    const kek = newKek()
    expect(() => createKekRing(kek, [kek])).toThrow(new CryptoError('invalid_key'))
  })
})
