import type { EventPublisher } from '@memoric/messaging/publish.ts'
import type { OutboxEvent } from '@memoric/service/event-factory.ts'

/** Publishes as the relay of an app does. Throws when NATS does not store one. */
export async function publishEvents(publisher: EventPublisher, events: readonly OutboxEvent[]): Promise<void> {
  const stored = await publisher.publish(events.map(({ eventId: id, subject, payload }) => ({ id, subject, payload })))
  if (stored.includes(false)) throw new Error('NATS did not store an event')
}
