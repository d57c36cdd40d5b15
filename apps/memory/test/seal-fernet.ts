import { createCipheriv, createHmac, randomBytes } from 'node:crypto'
import type { FernetKey } from '../src/import-python/fernet.ts'

/** A token as Python's `cryptography` makes it. */
export function sealFernet(
  { signing, encryption }: FernetKey,
  text: string,
  { iv = randomBytes(16), seconds = 1_700_000_000 } = {},
): string {
  const head = Buffer.alloc(9, 0x80)
  head.writeBigUInt64BE(BigInt(seconds), 1)
  const cipher = createCipheriv('aes-128-cbc', encryption, iv)
  const signed = Buffer.concat([head, iv, cipher.update(text), cipher.final()])
  const mac = createHmac('sha256', signing).update(signed).digest()
  const token = Buffer.concat([signed, mac]).toString('base64')
  return token.replaceAll('+', '-').replaceAll('/', '_')
}
