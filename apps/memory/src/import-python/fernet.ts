import { createDecipheriv, createHmac } from 'node:crypto'
import { equalBytes } from '@memoric/crypto/bytes.ts'

/** A key of Fernet (https://github.com/fernet/spec): one half signs, the other encrypts. */
export interface FernetKey {
  readonly signing: Buffer
  readonly encryption: Buffer
}

const VERSION = 0x80
const at = { iv: 9, ciphertext: 25 } as const
const MAC_BYTES = 32
const BLOCK = 16
const BASE64URL = /^[\w-]+={0,2}$/

/** A key from its 32 bytes in base64url; null for anything else. */
export function parseFernetKey(text: string): FernetKey | null {
  const bytes = Buffer.from(text.trim(), 'base64url')
  if (!BASE64URL.test(text.trim()) || bytes.length !== 32) return null
  return { signing: bytes.subarray(0, 16), encryption: bytes.subarray(16) }
}

/** Whether a text has the form of a token. */
export function isFernetToken(text: string): boolean {
  if (!BASE64URL.test(text)) return false
  const token = Buffer.from(text, 'base64url')
  const ciphertext = token.length - at.ciphertext - MAC_BYTES
  return token[0] === VERSION && ciphertext >= BLOCK && ciphertext % BLOCK === 0
}

/** Opens a token, however old it is; null when it was made with another key or changed since. */
export function openFernetToken({ signing, encryption }: FernetKey, text: string): Buffer | null {
  if (!isFernetToken(text)) return null
  const token = Buffer.from(text, 'base64url')
  const end = token.length - MAC_BYTES
  const mac = createHmac('sha256', signing).update(token.subarray(0, end)).digest()
  if (!equalBytes(mac, token.subarray(end))) return null
  const decipher = createDecipheriv('aes-128-cbc', encryption, token.subarray(at.iv, at.ciphertext))
  try {
    return Buffer.concat([decipher.update(token.subarray(at.ciphertext, end)), decipher.final()])
  } catch {
    return null
  }
}
