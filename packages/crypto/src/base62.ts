import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** The largest multiple of 62 in a byte: bytes from here on are drawn again, so that no character is more likely. */
const LIMIT = 248

/** Characters of a checksum. */
export const CHECKSUM_LENGTH = 6
/** Characters of a random text with at least 256 bits. */
export const SECRET_LENGTH = 43

/** Uniformly random base62 characters: 5.95 bits each. */
export function randomBase62(length: number): string {
  let text = ''
  while (text.length < length) {
    for (const byte of randomBytes(length - text.length)) {
      if (byte < LIMIT) text += ALPHABET.charAt(byte % 62)
    }
  }
  return text
}

/** The CRC-32 of a text as six base62 characters, most significant first. Detects typing errors; protects nothing. */
export function checksum62(text: string): string {
  let rest = crc32(text)
  let digits = ''
  for (let index = 0; index < CHECKSUM_LENGTH; index += 1) {
    digits = ALPHABET.charAt(rest % 62) + digits
    rest = Math.floor(rest / 62)
  }
  return digits
}

/** Whether a text ends in the checksum of all that stands before it. */
export function endsInChecksum(text: string): boolean {
  return checksum62(text.slice(0, -CHECKSUM_LENGTH)) === text.slice(-CHECKSUM_LENGTH)
}
