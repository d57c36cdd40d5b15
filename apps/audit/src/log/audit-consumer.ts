import { confirmedSubject, EVENT_STREAM } from '@memoric/contracts/subjects.ts'
import type { Messaging } from '@memoric/messaging/connect.ts'
import { type BatchConsumer, consumeBatches } from '@memoric/messaging/consume.ts'
import type { IncomingMessage, Verdict } from '@memoric/messaging/handle-batch.ts'
import { publishSignal } from '@memoric/messaging/signals.ts'
import { ensureStreams } from '@memoric/messaging/streams.ts'
import { isServerError, isUnavailable } from '@memoric/postgres/database-error.ts'
import type { MemoricEvent } from '@memoric/contracts/event.ts'
import { type DeadLetterDeps, keepDeadLetter } from '../dead-letters/keep-dead-letter.ts'
import { createIntakeProgress, type IntakeProgress } from './intake-progress.ts'
import { takeIn, type TakeInDeps } from './take-in.ts'

/** Durable consumer of the log; the gateway's NATS user is denied it by this name (infra/nats/nats-server.conf). */
export const AUDIT_CONSUMER = 'audit'

const BATCH = 1000

export interface ConsumerDeps extends TakeInDeps, DeadLetterDeps {
  readonly messaging: Messaging
  /** Days that the stream keeps dead letters. */
  readonly deadLetterDays: number
}

export interface AuditConsumer extends BatchConsumer {
  readonly progress: IntakeProgress
}

/** Takes every event into the log, and tells the apps that wrote them. Replicas share the work, one batch at a time. */
export function consumeEvents(deps: ConsumerDeps): AuditConsumer {
  const progress = createIntakeProgress(deps.now)
  const consumer = consumeBatches({
    messaging: deps.messaging,
    stream: EVENT_STREAM,
    durable: AUDIT_CONSUMER,
    batch: BATCH,
    ahead: true,
    handle: (messages) => progress.watch(() => handle(deps, progress, messages)),
    isTransient: (error) => isUnavailable(error) || isServerError(error),
    async onDead(message, reason) {
      await keepDeadLetter(deps, message, reason)
      progress.buried()
    },
    ensureStream: (connection) => ensureStreams(connection, { deadLetterDays: deps.deadLetterDays }),
  })
  return { ...consumer, progress }
}

/** What the database refuses about an event is known by then: any other of its errors is not the fault of the events. */
async function handle(
  deps: ConsumerDeps,
  progress: IntakeProgress,
  messages: readonly IncomingMessage[],
): Promise<Verdict[]> {
  const deliveries = messages.map((message) => ({ subject: message.subject, data: message.data }))
  const { logged, rejected } = await takeIn(deps, deliveries)
  const events = logged.map(({ event }) => event)
  confirm(deps.messaging, events)
  progress.logged(events)
  const reasons = new Map(rejected.map(({ delivery, reason }) => [delivery, reason]))
  return deliveries.map((delivery) => {
    const reason = reasons.get(delivery)
    return reason === undefined ? 'ack' : { dead: reason }
  })
}

/** A signal that gets lost is made up for: the app publishes again what was not confirmed. */
function confirm(messaging: Messaging, events: readonly MemoricEvent[]): void {
  const byApp = Map.groupBy(events, ({ source }) => source.slice(source.indexOf('/') + 1))
  for (const [app, ofApp] of byApp) {
    publishSignal(messaging, confirmedSubject(app), { ids: ofApp.map(({ id }) => id) })
  }
}
