import { parseApiKey } from '@memoric/crypto/api-key.ts'
import { checksum62, randomBase62, SECRET_LENGTH } from '@memoric/crypto/base62.ts'

/** The text of a key with the public id of another: well formed, but not with its secret. */
export function withOtherSecret(text: string): string {
  const key = parseApiKey(text)
  if (key === null) throw new Error('not an API key')
  const body = `mk_${key.env}_${key.keyId}_${randomBase62(SECRET_LENGTH)}`
  return body + checksum62(body)
}
