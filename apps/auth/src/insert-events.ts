import type { Tx } from '@memoric/postgres/lease.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'

/** Events that are made and written at once. */
const AT_ONCE = 500

/** Puts an event for each of many things into the outbox. */
export async function insertEvents<T>(tx: Tx, things: readonly T[], tell: (thing: T) => OutboxEvent): Promise<void> {
  for (let at = 0; at < things.length; at += AT_ONCE) {
    await outboxInsert(tx, things.slice(at, at + AT_ONCE).map(tell))
  }
}
