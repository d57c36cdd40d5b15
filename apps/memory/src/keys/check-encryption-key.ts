import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import { CryptoError } from '@memoric/crypto/errors.ts'
import { ConfigError } from '@memoric/service/config.ts'
import type { KeyStore } from './subject-keys.ts'

/** A subject that has a key and no memories: whoever can unwrap its key can unwrap those of others. */
const PROBE = 'encryption-key-check'

/** Refuses a key encryption key other than the one that this database was begun with, before anything is written under it. */
export async function checkEncryptionKey(keys: KeyStore): Promise<void> {
  try {
    await keys.forWriting(PLATFORM_TENANT, PROBE, () => undefined)
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause
    if (cause.code === 'kek_unavailable') throw new ConfigError('The key encryption key cannot be reached.', { cause })
    throw new ConfigError(
      'The key encryption key (MEMORIC_ENCRYPTION_KEY, AWS_KMS_KEYS or VAULT_TRANSIT_KEYS) is not the one that this database was encrypted with.',
      { cause },
    )
  }
}

/** Whether keys can be had now; rejects when the database or the provider of the key encryption key is away. */
export function canUnwrapKeys({ keys }: { readonly keys: KeyStore }): Promise<boolean> {
  return keys.forReading(PLATFORM_TENANT, PROBE, (probe) => probe !== null)
}
