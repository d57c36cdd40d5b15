import type { Revocation } from '@memoric/contracts/introspection.ts'
import { confirmedSubject, REVOKED_SUBJECT } from '@memoric/contracts/subjects.ts'
import { connectMessaging } from '@memoric/messaging/connect.ts'
import { createEventPublisher, type EventPublisher } from '@memoric/messaging/publish.ts'
import { onSignal, publishSignal } from '@memoric/messaging/signals.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { z } from 'zod'
import type { AuthConfig } from './config.ts'

/** What auth says and hears over NATS. */
export interface EventBus {
  readonly publish: EventPublisher['publish']
  /** Calls `handle` with the ids of events that are in the audit log. */
  onConfirmed(handle: (eventIds: readonly string[]) => void): void
  /** Tells every gateway that these sessions or API keys have ended; while NATS is away, their caches end by age. */
  announceRevoked(ids: string[]): void
  /** Throws unless NATS can be talked to. */
  requireConnection(): void
  close(): Promise<void>
}

const confirmation = z.object({ ids: z.array(z.string()) })

/** Returns at once; the connection is made in the background. */
export function connectEventBus(config: AuthConfig, log: Logger): EventBus {
  const messaging = connectMessaging({
    servers: config.NATS_URL,
    user: config.NATS_USER,
    pass: config.NATS_PASSWORD,
    name: 'memoric-auth',
    log,
  })
  const publisher = createEventPublisher(messaging)
  return {
    publish: (events) => publisher.publish(events),
    onConfirmed(handle) {
      onSignal(messaging, confirmedSubject('auth'), (signal) => handle(confirmation.parse(signal).ids))
    },
    announceRevoked(ids) {
      const revocation: Revocation = { ids }
      if (!publishSignal(messaging, REVOKED_SUBJECT, revocation)) {
        log.warn({ ids }, 'NATS is away: gateways learn of a revocation when their caches expire')
      }
    },
    requireConnection() {
      if (!messaging.isHealthy()) throw new Error('NATS is away, or refused something')
    },
    close: () => messaging.close(),
  }
}
