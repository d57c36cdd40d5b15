import type { Tx } from '@memoric/postgres/lease.ts'
import type { SigningKeyState, StoredSigningKey } from './signing-key.ts'

/** Held by whoever makes or moves signing keys, until its transaction ends. */
const SIGNING_KEYS_LOCK = 5_133_871

export function lockSigningKeys(tx: Tx) {
  return tx`select pg_advisory_xact_lock(${SIGNING_KEYS_LOCK})`
}

/** A signing key with its times. */
export interface SigningKeyRow extends StoredSigningKey {
  readonly created_at: Date
  readonly state_since: Date
}

/** Every key that is published, newest first. */
export function selectSigningKeys(tx: Tx) {
  return tx<SigningKeyRow[]>`
    select kid, state, public_jwk, private_sealed, created_at, state_since from signing_keys order by created_at desc, kid`
}

export function insertSigningKey(tx: Tx, key: StoredSigningKey) {
  return tx`
    insert into signing_keys (kid, state, public_jwk, private_sealed)
    values (${key.kid}, ${key.state}, ${JSON.stringify(key.public_jwk)}::jsonb, ${key.private_sealed})`
}

/** Moves the key of one state to the next; gives it, or nothing when there is none. */
export function moveSigningKey(tx: Tx, from: SigningKeyState, to: SigningKeyState) {
  return tx<{ kid: string }[]>`
    update signing_keys set state = ${to}, state_since = now() where state = ${from} returning kid`
}

/** Removes keys that stopped signing this many seconds ago. */
export function deletePreviousSigningKeys(tx: Tx, seconds: number) {
  return tx<{ kid: string }[]>`
    delete from signing_keys
    where state = 'previous' and state_since <= now() - make_interval(secs => ${seconds})
    returning kid`
}

export function deleteSigningKeys(tx: Tx) {
  return tx<{ kid: string }[]>`delete from signing_keys returning kid`
}

/** Whether the current key has signed for this many days. */
export async function isSigningKeyOld(tx: Tx, days: number): Promise<boolean> {
  const rows = await tx`
    select 1 from signing_keys where state = 'current' and state_since <= now() - make_interval(days => ${days})`
  return rows.length > 0
}
