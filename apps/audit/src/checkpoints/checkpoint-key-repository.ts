import type { Tx } from '@memoric/postgres/lease.ts'

/** A key that signs checkpoints, as it lies in the database. */
export interface StoredCheckpointKey {
  readonly version: number
  readonly origin: string
  readonly verifierKey: string
  readonly sealed: Buffer
}

/** Newest first: the first one signs. */
export function selectCheckpointKeys(tx: Tx) {
  return tx<StoredCheckpointKey[]>`
    select version, origin, verifier_key as "verifierKey", sealed from checkpoint_keys order by version desc`
}

/** Gives nothing when somebody else has made a key of this version. */
export function insertCheckpointKey(tx: Tx, { version, origin, verifierKey, sealed }: StoredCheckpointKey) {
  return tx<{ version: number }[]>`
    insert into checkpoint_keys (version, origin, verifier_key, sealed)
    values (${version}, ${origin}, ${verifierKey}, ${sealed})
    on conflict do nothing
    returning version`
}
