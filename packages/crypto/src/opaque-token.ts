import { hash } from 'node:crypto'

import { checksum62, endsInChecksum, randomBase62, SECRET_LENGTH } from './base62.ts'
import { CryptoError } from './errors.ts'

const PREFIX = /^[a-z]{2,8}$/
const TOKEN = /^([a-z]{2,8})_[0-9A-Za-z]{49}$/

/**
 * A random token `<prefix>_<43 base62><6 base62 of CRC-32>` with 256 bits of entropy, for refresh tokens, invitations
 * and the like.
 * @throws CryptoError `invalid_label` unless the prefix is 2 to 8 small letters.
 */
export function createToken(prefix: string): string {
  if (!PREFIX.test(prefix)) throw new CryptoError('invalid_label')
  const body = `${prefix}_${randomBase62(SECRET_LENGTH)}`
  return body + checksum62(body)
}

/** Whether a value is a well-formed token with this prefix and a right checksum. Never throws: junk costs no query. */
export function isToken(prefix: string, value: unknown): value is string {
  return typeof value === 'string' && TOKEN.exec(value)?.[1] === prefix && endsInChecksum(value)
}

/** The 32-byte SHA-256 under which a token is stored; enough for 256 random bits, wrong for passwords. */
export function hashToken(token: string): Buffer {
  return hash('sha256', token, 'buffer')
}
