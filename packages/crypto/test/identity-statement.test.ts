import { createHmac } from 'node:crypto'

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { hkdfSha256 } from '../src/derive-key.ts'
import { CryptoError } from '../src/errors.ts'
import { signIdentity, verifyIdentity, type VerifyOptions } from '../src/identity-statement.ts'

const secret = 'k'.repeat(43)
const now = 1_800_000_000_000
const claims = { tenant_id: 'tenant-1', permissions: ['memories:read'] }
const statement = signIdentity(secret, 'memory', claims, { now })

function expectRefused(
  text: string,
  options: VerifyOptions = { now },
  audience = 'memory',
  otherSecret = secret,
): void {
  expect(() => verifyIdentity(otherSecret, audience, text, options)).toThrow(new CryptoError('invalid_identity'))
}

describe('an identity statement', () => {
  test('gives back its claims with audience and time', () => {
    expect(verifyIdentity(secret, 'memory', statement, { now })).toEqual({ ...claims, aud: 'memory', iat: now })
  })

  test('survives any JSON claims', () => {
    const anyClaims = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue(), { noNullPrototype: true })
    const law = fc.property(anyClaims, (any) => {
      const text = signIdentity(secret, 'memory', any, { now })
      const expected: unknown = JSON.parse(JSON.stringify({ ...any, aud: 'memory', iat: now }))
      expect(verifyIdentity(secret, 'memory', text, { now })).toEqual(expected)
    })
    fc.assert(law)
  })

  test('is base64url JSON and an HMAC under a key derived for the audience', () => {
    const [payload = '', mac] = statement.split('.')
    const key = hkdfSha256(Buffer.from(secret), Buffer.alloc(0), Buffer.from('memoric/v1/identity/memory'), 32)
    expect(mac).toBe(createHmac('sha256', key).update(payload).digest('base64url'))
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toEqual({ ...claims, aud: 'memory', iat: now })
  })

  test('cannot be made to carry another audience or time by its claims', () => {
    const text = signIdentity(secret, 'memory', { aud: 'audit', iat: now + 1e9 }, { now })
    expect(verifyIdentity(secret, 'memory', text, { now })).toEqual({ aud: 'memory', iat: now })
  })

  test('is refused when replayed more than 30 s later', () => {
    expect(verifyIdentity(secret, 'memory', statement, { now: now + 30_000 })).toMatchObject(claims)
    expectRefused(statement, { now: now + 30_001 })
  })

  test('is refused at the age that the verifier sets', () => {
    const options = { now: now + 5001, maxAgeSeconds: 5 }
    expectRefused(statement, options)
  })

  test('is accepted from a clock up to 5 s ahead, and no further', () => {
    expect(verifyIdentity(secret, 'memory', statement, { now: now - 5000 })).toMatchObject(claims)
    expectRefused(statement, { now: now - 5001 })
  })

  test('is refused by another audience and under another secret', () => {
    expectRefused(statement, { now }, 'audit')
    expectRefused(statement, { now }, 'memory', 'j'.repeat(43))
  })

  test('that names a request is good for that very request only', () => {
    const request = { method: 'POST', path: '/v1/memories?x=1' }
    const bound = signIdentity(secret, 'memory', claims, { now, request })
    expect(verifyIdentity(secret, 'memory', bound, { now, request })).toMatchObject(claims)
    for (const other of [
      { ...request, method: 'DELETE' },
      { ...request, method: 'post' },
      { ...request, path: '/v1/memories' },
      { ...request, path: '/v1/memories?x=1&' },
      { method: 'POST /v1', path: '/memories?x=1' },
      { method: '', path: '' },
    ]) {
      expectRefused(bound, { now, request: other })
    }
    expectRefused(bound, { now })
  })

  test('that names no request is good for any', () => {
    const request = { method: 'POST', path: '/v1/memories' }
    expect(verifyIdentity(secret, 'memory', statement, { now, request })).toMatchObject(claims)
  })

  test('cannot be made to name no request by who it is about', () => {
    const request = { method: 'GET', path: '/' }
    const bound = signIdentity(secret, 'memory', { ...claims, req: undefined }, { now, request })
    expectRefused(bound, { now, request: { ...request, path: '/other' } })
  })

  test('names a request however long its path is', () => {
    const request = { method: 'GET', path: `/v1/memories?${'x'.repeat(100_000)}` }
    const bound = signIdentity(secret, 'memory', claims, { now, request })
    expect(bound.length).toBeLessThan(1000)
    expect(verifyIdentity(secret, 'memory', bound, { now, request })).toMatchObject(claims)
  })

  test('is refused with any character changed, left out or added', () => {
    for (let index = 0; index < statement.length; index += 1) {
      for (const other of statement[index] === 'A' ? ['B', ''] : ['A', '']) {
        expectRefused(statement.slice(0, index) + other + statement.slice(index + 1))
      }
      expectRefused(`${statement.slice(0, index)}A${statement.slice(index)}`)
    }
  })

  test('is refused with spare bits of its MAC changed, which decode to the same bytes', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const last = alphabet.indexOf(statement.slice(-1))
    for (const spare of [1, 2, 3]) expectRefused(statement.slice(0, -1) + alphabet.charAt(last ^ spare))
  })

  test('is refused for junk, and for a payload signed with the secret of someone else', () => {
    const [payload = '', mac = ''] = statement.split('.')
    const junk = [
      '',
      '.',
      'a.b',
      payload,
      `.${mac}`,
      `${payload}.`,
      `${payload}..${mac}`,
      '\ud800'.repeat(50),
      'é.'.repeat(44),
    ]
    for (const text of [...junk, 'x'.repeat(20_000)]) expectRefused(text)
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 120 }), (text) => expectRefused(text)))
  })

  test('is still right when more keys are in use than are remembered', () => {
    const secrets = Array.from({ length: 200 }, (_, index) => String(index).padStart(43, 's'))
    const texts = secrets.map((each) => signIdentity(each, 'memory', claims, { now }))
    for (const [index, text] of texts.entries()) {
      expect(verifyIdentity(secrets[index] ?? '', 'memory', text, { now })).toMatchObject(claims)
    }
  })

  test('is not made with more claims than a header holds', () => {
    const many = { subjects: Array.from({ length: 2000 }, (_, index) => `subject-${index}`) }
    expect(() => signIdentity(secret, 'memory', many, { now })).toThrow(new CryptoError('invalid_identity'))
  })

  test('is not made with a short secret or an odd audience', () => {
    expect(() => signIdentity('short', 'memory', claims, { now })).toThrow(new CryptoError('invalid_key'))
    for (const audience of ['', 'Memory', 'a b', '../x']) {
      expect(() => signIdentity(secret, audience, claims, { now })).toThrow(new CryptoError('invalid_label'))
    }
  })
})
