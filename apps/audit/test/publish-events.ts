import { jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'

/** Publishes to the stream of events, 500 at a time; without message ids nothing is dropped as a duplicate. */
export async function publishEvents(connection: NatsConnection, events: readonly OutboxEvent[]): Promise<void> {
  const stream = jetstream(connection)
  for (let from = 0; from < events.length; from += 500) {
    await Promise.all(events.slice(from, from + 500).map(({ subject, payload }) => stream.publish(subject, payload)))
  }
}
