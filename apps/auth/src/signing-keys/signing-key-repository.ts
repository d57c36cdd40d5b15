import type { Tx } from '@memoric/postgres/lease.ts'
import type { StoredSigningKey } from './signing-key.ts'

/** Held by whoever makes signing keys, until its transaction ends. */
const SIGNING_KEYS_LOCK = 5_133_871

export function lockSigningKeys(tx: Tx) {
  return tx`select pg_advisory_xact_lock(${SIGNING_KEYS_LOCK})`
}

/** Every key that is published, newest first. */
export function selectSigningKeys(tx: Tx) {
  return tx<StoredSigningKey[]>`
    select kid, state, public_jwk, private_sealed from signing_keys order by created_at desc, kid`
}

export function insertSigningKey(tx: Tx, key: StoredSigningKey) {
  return tx`
    insert into signing_keys (kid, state, public_jwk, private_sealed)
    values (${key.kid}, ${key.state}, ${JSON.stringify(key.public_jwk)}::jsonb, ${key.private_sealed})`
}
