import type { Tx } from '@memoric/postgres/lease.ts'

export interface ReceiptKeyRow {
  readonly id: string
  readonly verifier_key: string
  readonly kekId: string
  readonly wrapped: Buffer
}

/** The key that signs; in the system scope, as everything here. */
export function selectCurrentReceiptKey(tx: Tx) {
  return tx<ReceiptKeyRow[]>`
    select id, verifier_key, kek_id as "kekId", wrapped from receipt_keys where retired_at is null`
}

/** All public keys, the current one first. */
export function selectVerifierKeys(tx: Tx) {
  return tx<{ verifier_key: string }[]>`
    select verifier_key from receipt_keys order by retired_at desc nulls first, created_at desc`
}

/** Does nothing when another process was faster. */
export function insertReceiptKey(tx: Tx, { id, verifier_key, kekId, wrapped }: ReceiptKeyRow) {
  return tx<{ id: string }[]>`
    insert into receipt_keys (id, verifier_key, kek_id, wrapped)
    values (${id}, ${verifier_key}, ${kekId}, ${wrapped})
    on conflict do nothing returning id`
}

/** Destroys the private half of the key that signs. */
export function retireReceiptKey(tx: Tx) {
  return tx`update receipt_keys set retired_at = now(), wrapped = '' where retired_at is null`
}

/** The same key under another key encryption key. */
export function rewrapReceiptKey(tx: Tx, before: ReceiptKeyRow, kekId: string, wrapped: Buffer) {
  return tx`
    update receipt_keys set kek_id = ${kekId}, wrapped = ${wrapped}
    where id = ${before.id} and kek_id = ${before.kekId} and retired_at is null`
}
