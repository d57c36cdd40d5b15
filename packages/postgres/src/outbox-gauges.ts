import type { OutboxRelay } from './outbox-relay.ts'

/** Figures of an outbox by the name of their metric. */
export type OutboxGauges = Readonly<Record<string, { readonly help: string; readonly read: () => Promise<number> }>>

/** How full the outbox is; the figures of one scrape take one query, and are not numbers while the database is away. */
export function outboxGauges({ stats }: Pick<OutboxRelay, 'stats'>): OutboxGauges {
  let asked: ReturnType<typeof ask> | undefined
  const ask = () => stats().catch(() => ({ unpublished: NaN, unconfirmed: NaN, oldestMs: NaN }))
  const latest = () => (asked ??= ask().finally(() => (asked = undefined)))
  return {
    memoric_outbox_unpublished: {
      help: 'Events that wait to be published',
      read: async () => (await latest()).unpublished,
    },
    memoric_outbox_unconfirmed: {
      help: 'Events that audit has not confirmed',
      read: async () => (await latest()).unconfirmed,
    },
    memoric_outbox_oldest_seconds: {
      help: 'Age of the oldest event that waits to be published',
      read: async () => (await latest()).oldestMs / 1000,
    },
  }
}
