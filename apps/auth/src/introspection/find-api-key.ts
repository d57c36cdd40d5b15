import { verifyApiKeySecret } from '@memoric/crypto/api-key.ts'
import type { Deps } from '../deps.ts'
import { type ApiKeyGrantRow, selectApiKeyGrant } from './grant-repository.ts'

/** Compared with when there is no such key, so that a known key id takes no longer than an unknown one. */
const NO_HASH = Buffer.alloc(32)

/** The key with a public id, whether or not it still stands. */
export type FoundKey =
  | { readonly row: ApiKeyGrantRow; readonly isSecretRight: boolean }
  | { readonly row: undefined; readonly isSecretRight: false }

/** Looks a key up by its public id and checks the secret. One query, and the same work whatever it finds. */
export async function findApiKey({ reader, config }: Deps, keyId: string, secret: string): Promise<FoundKey> {
  const [row] = await reader.ask((tx) => selectApiKeyGrant(tx, keyId))
  const isSecretRight = verifyApiKeySecret(secret, config.API_KEY_PEPPER, row?.secret_hash ?? NO_HASH)
  return row === undefined ? { row, isSecretRight: false } : { row, isSecretRight }
}
