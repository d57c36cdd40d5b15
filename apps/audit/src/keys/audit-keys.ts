import { wipe } from '@memoric/crypto/bytes.ts'
import { deriveKey } from '@memoric/crypto/derive-key.ts'
import { ensureRootKey } from '@memoric/crypto/root-key.ts'
import { createSealingKey, type SealingKey } from '@memoric/crypto/sealed-box.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { openKeyEncryption } from '@memoric/service/key-encryption/open-key-encryption.ts'
import type { AuditConfig } from '../config.ts'
import { rootKeyStore } from './root-key-repository.ts'

/** Versions of keys that have not been rotated yet, as boxes carry them. */
const FIRST_VERSION = 1

/** The key that wraps the keys of actors. Throws WrongKekError, ConfigError. */
export async function openActorRootKey(config: AuditConfig, sql: Sql): Promise<SealingKey> {
  const keks = await openKeyEncryption(config)
  const rootKey = await ensureRootKey(keks, rootKeyStore(sql), { app: 'audit', key: 'root' })
  const wrapping = deriveKey(rootKey, 'wrap')
  const sealing = createSealingKey(FIRST_VERSION, wrapping)
  wipe(rootKey, wrapping)
  return sealing
}
