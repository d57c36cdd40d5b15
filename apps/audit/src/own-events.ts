import { eventId } from '@memoric/contracts/ids.ts'
import { confirmedSubject } from '@memoric/contracts/subjects.ts'
import type { Messaging } from '@memoric/messaging/connect.ts'
import { createEventPublisher } from '@memoric/messaging/publish.ts'
import { onSignal } from '@memoric/messaging/signals.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import { createOutboxRelay, type OutboxRelay } from '@memoric/postgres/outbox-relay.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { z } from 'zod'

/** The events of this app itself, from its outbox through the stream into its log. */
export interface OwnEvents {
  /** Call after the commit of a transaction that wrote one. */
  readonly wake: () => void
  /** Rows in the outbox a moment ago. */
  readonly depth: () => number
  readonly close: () => Promise<void>
}

const SAMPLE_MS = 5_000

const confirmation = z.object({ ids: z.array(eventId) })

export function relayOwnEvents({ sql, messaging, log }: { sql: Sql; messaging: Messaging; log: Logger }): OwnEvents {
  const publisher = createEventPublisher(messaging)
  const relay = createOutboxRelay({ sql, publish: (rows) => publisher.publish(rows), log })
  const unsubscribe = onSignal(messaging, confirmedSubject('audit'), (value) =>
    relay.confirm(confirmation.parse(value).ids),
  )
  const sampler = sampleDepth(relay)
  return {
    wake: () => relay.wake(),
    depth: sampler.depth,
    async close() {
      sampler.stop()
      unsubscribe()
      await relay.close()
    },
  }
}

/** Metrics are read at once, so the outbox is counted ahead of time. While the database is away the last count stands. */
function sampleDepth(relay: OutboxRelay) {
  let depth = 0
  const timer = setInterval(() => {
    relay
      .stats()
      .then(({ unpublished, unconfirmed }) => void (depth = unpublished + unconfirmed))
      .catch(() => undefined)
  }, SAMPLE_MS)
  return { depth: () => depth, stop: () => clearInterval(timer) }
}
