import { randomBytes } from 'node:crypto'
import { hashToken } from '@memoric/crypto/opaque-token.ts'

const COUNT = 10
/** 24 characters of 5 bits each: 120 bits. */
const BYTES = 15
const GROUP = 4
/** RFC 4648 section 6. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Codes for the day when the authenticator app is gone; they are shown once, and only their hashes kept. */
export function createRecoveryCodes(): string[] {
  return Array.from({ length: COUNT }, createRecoveryCode)
}

function createRecoveryCode(): string {
  let rest = BigInt(`0x${randomBytes(BYTES).toString('hex')}`)
  const characters = Array.from({ length: (BYTES * 8) / 5 }, () => {
    const character = ALPHABET[Number(rest % 32n)] ?? ''
    rest /= 32n
    return character
  })
  return characters.join('').replace(new RegExp(`.{${GROUP}}(?=.)`, 'g'), '$&-')
}

/** The SHA-256 under which a recovery code is kept, however it is typed; that is enough for 120 random bits. */
export function hashRecoveryCode(code: string): Buffer {
  return hashToken(code.replace(/[\s-]/g, '').toUpperCase())
}
