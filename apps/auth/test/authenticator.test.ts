import { generate } from 'otplib/functional'
import { describe, expect, test } from 'vitest'
import { createEnrollment, findStep } from '../src/totp/authenticator.ts'
import { createRecoveryCodes, hashRecoveryCode } from '../src/totp/recovery-codes.ts'

/** RFC 6238 appendix B, SHA-1: the secret, seconds, and the last six of the eight digits. */
const RFC_SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const vectors = [
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
] as const

test.each(vectors)('the code of RFC 6238 at %i is %s', async (seconds, code) => {
  expect(await findStep(RFC_SECRET, code, seconds * 1000)).toBe(Math.floor(seconds / 30))
})

describe('a code', () => {
  const now = 1_800_000_015_000
  const at = (seconds: number) => generate({ secret: RFC_SECRET, epoch: now / 1000 + seconds })

  test('belongs to the step in which it is shown, and is taken one step early or late', async () => {
    expect(await findStep(RFC_SECRET, await at(0), now)).toBe(60_000_000)
    expect(await findStep(RFC_SECRET, await at(-30), now)).toBe(59_999_999)
    expect(await findStep(RFC_SECRET, await at(30), now)).toBe(60_000_001)
  })

  test.each([-90, -60, 60, 90])('is refused %i seconds away', async (seconds) => {
    expect(await findStep(RFC_SECRET, await at(seconds), now)).toBeNull()
  })

  test.each(['', '12345', '1234567', 'abcdef', '１２３４５６', '12345\n', '-12345', '1e5000'])(
    'is no %j',
    async (text) => {
      expect(await findStep(RFC_SECRET, text, now)).toBeNull()
    },
  )
})

test('a secret has 160 random bits and an address that names account and issuer', async () => {
  const [one, other] = [await createEnrollment('a+b@example.com'), await createEnrollment('a+b@example.com')]
  expect(one.secret).toMatch(/^[A-Z2-7]{32}$/)
  expect(other.secret).not.toBe(one.secret)
  const uri = new URL(one.otpauthUri)
  expect([uri.protocol, uri.host, decodeURIComponent(uri.pathname)]).toEqual([
    'otpauth:',
    'totp',
    '/Memoric:a+b@example.com',
  ])
  expect(Object.fromEntries(uri.searchParams)).toEqual({ secret: one.secret, issuer: 'Memoric' })
})

test('recovery codes are ten, each of 120 bits, and count however they are typed', () => {
  const codes = createRecoveryCodes()
  expect(new Set(codes).size).toBe(10)
  for (const code of codes) expect(code).toMatch(/^([A-Z2-7]{4}-){5}[A-Z2-7]{4}$/)
  const [code = ''] = codes
  for (const typed of [code.toLowerCase(), code.replaceAll('-', ''), code.replaceAll('-', ' ')]) {
    expect(hashRecoveryCode(typed)).toEqual(hashRecoveryCode(code))
  }
  const letters = new Set(Array.from({ length: 30 }, createRecoveryCodes).flat().join('').replaceAll('-', ''))
  expect(letters.size).toBe(32)
})
