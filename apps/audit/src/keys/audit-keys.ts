import { blindIndex } from '@memoric/crypto/blind-index.ts'
import { wipe } from '@memoric/crypto/bytes.ts'
import { deriveKey, type KeyPurpose } from '@memoric/crypto/derive-key.ts'
import { ensureRootKey } from '@memoric/crypto/root-key.ts'
import { createSealingKey, type SealingKey } from '@memoric/crypto/sealed-box.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { openKeyEncryption } from '@memoric/service/key-encryption/open-key-encryption.ts'
import type { AuditConfig } from '../config.ts'
import { rootKeyStore } from './root-key-repository.ts'

/** Versions of keys that have not been rotated yet, as boxes carry them. */
const FIRST_VERSION = 1

/** What is derived from the root key of audit. */
export interface AuditKeys {
  /** Wraps the keys of actors. */
  readonly actors: SealingKey
  /** Seals private keys and secrets at rest. */
  readonly credentials: SealingKey
  /** A text that stands for a value of a tenant and cannot be read back; equal values of one field give equal texts. */
  readonly pseudonym: Pseudonym
}

export type Pseudonym = (field: 'network' | 'email', tenantId: string, value: string) => string

/** Bytes of a pseudonym: too many to meet by chance. */
const PSEUDONYM_LENGTH = 16

/** Throws WrongKekError, ConfigError. */
export async function openAuditKeys(config: AuditConfig, sql: Sql): Promise<AuditKeys> {
  const keks = await openKeyEncryption(config)
  const rootKey = await ensureRootKey(keks, rootKeyStore(sql), { app: 'audit', key: 'root' })
  const keys = {
    actors: sealingKey(rootKey, 'wrap'),
    credentials: sealingKey(rootKey, 'credential'),
    pseudonym: createPseudonym(deriveKey(rootKey, 'lookup')),
  }
  wipe(rootKey)
  return keys
}

function sealingKey(rootKey: Uint8Array, purpose: KeyPurpose): SealingKey {
  const derived = deriveKey(rootKey, purpose)
  const sealing = createSealingKey(FIRST_VERSION, derived)
  wipe(derived)
  return sealing
}

/** Keeps `key`, 32 bytes. */
export function createPseudonym(key: Uint8Array): Pseudonym {
  return (field, tenantId, value) =>
    blindIndex(key, field, `${tenantId} ${value}`).subarray(0, PSEUDONYM_LENGTH).toString('base64url')
}
