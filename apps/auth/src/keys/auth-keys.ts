import { blindIndex, emailIndex } from '@memoric/crypto/blind-index.ts'
import { wipe } from '@memoric/crypto/bytes.ts'
import { deriveKey, type KeyPurpose } from '@memoric/crypto/derive-key.ts'
import { createSealingKey, type SealingKey } from '@memoric/crypto/sealed-box.ts'
import { createFieldSealer, type FieldSealer } from './field-sealer.ts'

/** What auth does with its root key. */
export interface AuthKeys {
  /** E-mail addresses and names. */
  readonly personal: FieldSealer
  /** Private signing keys and tokens. */
  readonly credentials: FieldSealer
  /** The blind index by which an account is found. */
  emailIndex(email: string): Buffer
  /** The blind index of another value, by what it is; equal values of one field give equal bytes. */
  index(field: 'sso_subject' | 'sign_in_account' | 'sign_in_network' | 'mail', value: string): Buffer
}

/** Derives the keys of auth; the caller wipes `rootKey` afterwards. `version` is that of the root key. */
export function createAuthKeys(rootKey: Uint8Array, version: number): AuthKeys {
  const indexKey = deriveKey(rootKey, 'lookup')
  return {
    personal: createFieldSealer(sealingKey(rootKey, version, 'content')),
    credentials: createFieldSealer(sealingKey(rootKey, version, 'credential')),
    emailIndex: (email) => emailIndex(indexKey, email),
    index: (field, value) => blindIndex(indexKey, field, value),
  }
}

function sealingKey(rootKey: Uint8Array, version: number, purpose: KeyPurpose): SealingKey {
  const key = deriveKey(rootKey, purpose)
  const sealing = createSealingKey(version, key)
  wipe(key)
  return sealing
}
