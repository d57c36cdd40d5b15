import { confirmation } from '@memoric/contracts/signals.ts'
import { confirmedSubject } from '@memoric/contracts/subjects.ts'
import type { Messaging } from './connect.ts'
import { createEventPublisher, type EventPublisher } from './publish.ts'
import { onSignal } from './signals.ts'

/**
 * Connects an outbox with the events of `apps` to NATS: the relay that `create` makes publishes through it, and events that
 * audit confirms leave the outbox.
 */
export function connectOutbox<R extends { confirm: (eventIds: readonly string[]) => void; republish: () => void }>(
  messaging: Messaging,
  apps: readonly string[],
  create: (publish: EventPublisher['publish']) => R,
): R {
  const publisher = createEventPublisher(messaging, { onStreamLost: () => relay.republish() })
  const relay: R = create((events) => publisher.publish(events))
  for (const app of apps) {
    onSignal(messaging, confirmedSubject(app), (signal) => relay.confirm(confirmation.parse(signal).ids))
  }
  return relay
}
