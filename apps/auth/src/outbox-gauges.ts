import type { OutboxRelay } from '@memoric/postgres/outbox-relay.ts'
import type { MetricsOptions } from '@memoric/service/metrics-plugin.ts'

/** How full the outbox is; the three figures of one scrape take one query, and are not numbers while the database is away. */
export function outboxGauges({ stats }: Pick<OutboxRelay, 'stats'>): NonNullable<MetricsOptions['gauges']> {
  let asked: ReturnType<typeof ask> | undefined
  const ask = () => stats().catch(() => ({ unpublished: NaN, unconfirmed: NaN, oldestMs: NaN }))
  const latest = () => (asked ??= ask().finally(() => (asked = undefined)))
  return {
    outbox_unpublished: { help: 'Events that wait to be published', read: async () => (await latest()).unpublished },
    outbox_unconfirmed: { help: 'Events that audit has not confirmed', read: async () => (await latest()).unconfirmed },
    outbox_oldest_seconds: {
      help: 'Age of the oldest event that waits to be published',
      read: async () => (await latest()).oldestMs / 1000,
    },
  }
}
