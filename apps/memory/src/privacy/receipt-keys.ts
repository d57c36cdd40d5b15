import { wipe } from '@memoric/crypto/bytes.ts'
import type { KekContext, KekRing } from '@memoric/crypto/kek.ts'
import { createNoteSigner, type NoteSigner } from '@memoric/crypto/signed-note.ts'
import { generateKey } from '@memoric/crypto/wrapped-key.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import { systemFlight, systemTransaction } from '@memoric/postgres/tenant-transaction.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'
import { uuidV7 } from '@memoric/service/uuid-v7.ts'
import {
  insertReceiptKey,
  type ReceiptKeyRow,
  retireReceiptKey,
  rewrapReceiptKey,
  selectCurrentReceiptKey,
  selectVerifierKeys,
} from './receipt-key-repository.ts'

/** The Ed25519 keys that sign receipts. */
export interface ReceiptKeys {
  /** Signs with the current key, which is made when there is none. */
  signer(): Promise<NoteSigner>
  /** Public keys as C2SP verifier keys, the current one first. */
  verifierKeys(): Promise<string[]>
  /**
   * Makes another key the current one, with the event that `tell` makes of its id; of the one before, only the public half stays.
   * Gives the new verifier key.
   */
  rotate(tell: (id: string) => OutboxEvent): Promise<string>
}

/** In whose name receipts are signed. */
export const RECEIPT_SIGNER = 'memoric-receipts'

export function createReceiptKeys(sql: Sql, keks: KekRing): ReceiptKeys {
  return {
    async signer() {
      const row = (await current()) ?? (await make())
      const seed = await keks.unwrap(row, contextOf(row.id))
      const signer = createNoteSigner(RECEIPT_SIGNER, seed)
      if (row.kekId !== keks.id) await rewrap(row, seed)
      wipe(seed)
      return signer
    },
    async verifierKeys() {
      if ((await current()) === undefined) await make()
      const [rows] = await systemFlight(sql, (tx) => [selectVerifierKeys(tx)])
      return rows.map(({ verifier_key }) => verifier_key)
    },
    async rotate(tell) {
      const fresh = await newKey()
      await systemTransaction(sql, async (tx) => {
        await retireReceiptKey(tx)
        const [stored] = await insertReceiptKey(tx, fresh)
        if (stored === undefined) throw new Error('The key of receipts is being rotated already.')
        await outboxInsert(tx, [tell(fresh.id)])
      })
      return fresh.verifier_key
    },
  }

  async function current(): Promise<ReceiptKeyRow | undefined> {
    const [[row]] = await systemFlight(sql, (tx) => [selectCurrentReceiptKey(tx)])
    return row
  }

  async function make(): Promise<ReceiptKeyRow> {
    const fresh = await newKey()
    await systemFlight(sql, (tx) => [insertReceiptKey(tx, fresh)])
    const row = await current()
    if (row === undefined) throw new Error('the key of receipts was stored but cannot be read back')
    return row
  }

  async function newKey(): Promise<ReceiptKeyRow> {
    const [id, seed] = [uuidV7(), generateKey()]
    const { verifierKey } = createNoteSigner(RECEIPT_SIGNER, seed)
    const { kekId, wrapped } = await keks.wrap(seed, contextOf(id))
    wipe(seed)
    return { id, verifier_key: verifierKey, kekId, wrapped: Buffer.from(wrapped) }
  }

  async function rewrap(row: ReceiptKeyRow, seed: Buffer): Promise<void> {
    const { kekId, wrapped } = await keks.wrap(seed, contextOf(row.id))
    await systemFlight(sql, (tx) => [rewrapReceiptKey(tx, row, kekId, Buffer.from(wrapped))])
  }
}

function contextOf(id: string): KekContext {
  return { service: 'memory', key: 'receipt', id }
}
