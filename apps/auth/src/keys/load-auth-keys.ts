import { wipe } from '@memoric/crypto/bytes.ts'
import { ensureRootKey } from '@memoric/crypto/root-key.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { openKeyEncryption } from '@memoric/service/key-encryption/open-key-encryption.ts'
import type { AuthConfig } from '../config.ts'
import { type AuthKeys, createAuthKeys } from './auth-keys.ts'
import { createRootKeyStore } from './auth-root-key-repository.ts'

const ROOT_KEY_VERSION = 1

/** Unwraps the root key, which the first start makes. Throws WrongKekError or ConfigError when it cannot be had. */
export async function loadAuthKeys(config: AuthConfig, sql: Sql): Promise<AuthKeys> {
  const store = createRootKeyStore(sql, ROOT_KEY_VERSION)
  const context = { app: 'auth', key: 'root', version: String(ROOT_KEY_VERSION) }
  const rootKey = await ensureRootKey(await openKeyEncryption(config), store, context)
  const keys = createAuthKeys(rootKey, ROOT_KEY_VERSION)
  wipe(rootKey)
  return keys
}
