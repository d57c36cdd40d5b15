import { setTimeout as sleep } from 'node:timers/promises'
import { deadLetterSubject } from '@memoric/contracts/subjects.ts'
import {
  AckPolicy,
  DeliverPolicy,
  jetstream,
  jetstreamManager,
  type ConsumerMessages,
  type JsMsg,
} from '@nats-io/jetstream'
import { headers, nanos, type NatsConnection } from '@nats-io/transport-node'
import type { Messaging } from './connect.ts'
import { deadLetterName } from './dead-letters.ts'
import { isConsumerDifferent } from './jetstream-error.ts'
import { handleBatch, type IncomingMessage, type Verdict } from './handle-batch.ts'
import { createMessageBuffer, type MessageBuffer } from './message-buffer.ts'

export interface ConsumeOptions {
  readonly messaging: Messaging
  readonly stream: string
  /** Name of the durable consumer: replicas that share it share its messages. */
  readonly durable: string
  /** Only messages on this subject (NATS 2.9 knows one). */
  readonly filterSubject?: string
  /** Messages handled together, at most. */
  readonly batch?: number
  /** Whether one batch is made ready while the one before is still being handled. They may then end in another order. */
  readonly ahead?: boolean
  /** How long a message waits for company. */
  readonly gatherMs?: number
  readonly handle: (messages: readonly IncomingMessage[]) => Promise<readonly Verdict[]>
  /** True for an error of `handle` that will pass by itself. */
  readonly isTransient: (error: unknown) => boolean
  /**
   * Keeps a message that is given up elsewhere too; while it rejects the message comes again. Without it the stream of dead letters is
   * the only place, and has to take it.
   */
  readonly onDead?: (message: IncomingMessage, reason: string) => Promise<void> | void
  /** Called when the stream is missing: makes it, where this user may. */
  readonly ensureStream?: (connection: NatsConnection) => Promise<void>
}

export interface BatchConsumer {
  /** True while messages can arrive. */
  isConsuming: () => boolean
  /** Handles what has arrived, at most three batches, and ends. What is on its way comes to another after the ack wait (6 s). */
  close: () => Promise<void>
}

/** How soon what a killed process had in its hands comes to another. */
const ACK_WAIT_MS = 6_000
/** How often NATS hears that messages are still being worked on. */
const WORKING_MS = 2_000
const PULL_EXPIRES_MS = 5_000
const RESTART_MS = 500
const RETRY_MS = 1_000
const LAST_RETRY_MS = 60_000
const REASON_MAX = 500

/**
 * Takes batches from a durable pull consumer until closed; over restarts of NATS, and when consumer or stream have vanished.
 * A message is acknowledged after `handle` resolved. Redelivery has no bound on the server, where a message that reached it would
 * be skipped silently: after ten deliveries it becomes a dead letter instead.
 */
export function consumeBatches(options: ConsumeOptions): BatchConsumer {
  const { messaging, batch = 1000, gatherMs = 100, ahead = false } = options
  const atHand = (ahead ? 3 : 2) * batch
  const { log } = messaging
  const closing = new AbortController()
  const { signal } = closing
  const isClosing = () => signal.aborted
  let source: ConsumerMessages | undefined
  let buffer: MessageBuffer<JsMsg> | undefined

  async function run(): Promise<void> {
    while (!isClosing()) {
      try {
        await consumeFrom(await messaging.connected())
      } catch (error) {
        if (!isClosing()) log.warn({ err: error, durable: options.durable }, 'consuming was interrupted')
      }
      await sleep(RESTART_MS, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Returns when closed, or when the consumer or the connection is gone. */
  async function consumeFrom(connection: NatsConnection): Promise<void> {
    await ensureConsumer(connection, options, atHand)
    const consumer = await jetstream(connection).consumers.get(options.stream, options.durable)
    const messages = createMessageBuffer<JsMsg>(batch, gatherMs)
    buffer = messages
    const held = holdMessages(connection)
    source = await consumer.consume({
      max_messages: atHand,
      expires: PULL_EXPIRES_MS,
      abort_on_missing_resource: true,
      callback(message) {
        held.add(message)
        messages.push(message)
      },
    })
    const ended = source.closed().then((error) => {
      source = undefined
      messages.end()
      if (error instanceof Error && !isClosing()) throw error
    })
    ended.catch(() => undefined)
    if (isClosing()) stop()
    try {
      let before: Promise<void> | undefined
      for (let next = await messages.next(); next.length > 0; next = await messages.next()) {
        const work = handleBatch(next, handleOptions(connection, held))
        work.catch(() => undefined) // it is awaited below, maybe after it rejected
        await (ahead ? before : work)
        before = work
      }
      await before
      await ended
    } finally {
      held.close()
    }
  }

  function handleOptions(connection: NatsConnection, held: HeldMessages) {
    return {
      handle: options.handle,
      isTransient: options.isTransient,
      signal,
      keep: (messages: readonly JsMsg[]) => {
        for (const message of messages) message.working()
      },
      settle(message: JsMsg, verdict: Verdict) {
        held.delete(message)
        settle(connection, message, verdict)
      },
      onError: (error: unknown, size: number) =>
        log.warn({ err: error, durable: options.durable, size }, 'messages could not be handled'),
    }
  }

  function settle(connection: NatsConnection, message: JsMsg, verdict: Verdict): void {
    if (verdict === 'ack') message.ack()
    else if (verdict === 'retry') message.nak(retryDelay(message))
    else void bury(connection, message, verdict.dead)
  }

  async function bury(connection: NatsConnection, message: JsMsg, reason: string): Promise<void> {
    try {
      await options.onDead?.(message, reason)
      await keepDeadLetter(connection, options, message, reason).catch((error: unknown) => {
        if (options.onDead === undefined) throw error
        log.error({ err: error, seq: message.seq }, 'a dead letter is not in the stream of dead letters')
      })
      message.term() // without a reason: NATS 2.9 would not understand it, and deliver again
      log.error({ subject: message.subject, seq: message.seq, reason }, 'a message became a dead letter')
    } catch (error) {
      log.error({ err: error, subject: message.subject, seq: message.seq }, 'a dead letter could not be kept')
      message.nak(retryDelay(message))
    }
  }

  /**
   * What has arrived is still handled. Giving it back instead makes NATS 2.9 lose its place: with a stale pull request around, one
   * message given back waits for its time-out, and another is delivered twice.
   */
  function stop(): void {
    void source?.close()
    buffer?.end()
  }

  const running = run()
  return {
    isConsuming: () => source !== undefined && messaging.connection() !== undefined,
    async close() {
      closing.abort()
      stop()
      await running
    },
  }
}

interface HeldMessages {
  add(message: JsMsg): void
  delete(message: JsMsg): void
  close(): void
}

/** Tells NATS of messages that wait or are worked on for long that they still are, so that nobody else gets them meanwhile. */
function holdMessages(connection: NatsConnection): HeldMessages {
  const old = new Set<JsMsg>()
  const recent = new Set<JsMsg>()
  const timer = setInterval(() => {
    for (const message of recent) old.add(message)
    recent.clear()
    if (!connection.isClosed()) for (const message of old) message.working()
  }, WORKING_MS)
  return {
    add: (message) => void recent.add(message),
    delete(message) {
      old.delete(message)
      recent.delete(message)
    },
    close: () => clearInterval(timer),
  }
}

async function ensureConsumer(connection: NatsConnection, options: ConsumeOptions, ackPending: number): Promise<void> {
  const { consumers } = await jetstreamManager(connection, { checkAPI: false })
  const settings = {
    durable_name: options.durable,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: nanos(ACK_WAIT_MS),
    max_ack_pending: ackPending,
    max_deliver: -1,
    ...(options.filterSubject === undefined ? {} : { filter_subject: options.filterSubject }),
  }
  await options.ensureStream?.(connection)
  try {
    await consumers.add(options.stream, settings)
  } catch (error) {
    if (!isConsumerDifferent(error)) throw error
    const { ack_wait, max_ack_pending } = settings
    await consumers.update(options.stream, options.durable, { ack_wait, max_ack_pending })
  }
}

/** Keeps the payload under `memoric.dead.<durable>.<name>`; the headers say where it came from and why. */
async function keepDeadLetter(
  connection: NatsConnection,
  options: ConsumeOptions,
  message: JsMsg,
  reason: string,
): Promise<void> {
  const heads = headers()
  heads.set('Memoric-Reason', reason.replace(/[^\x20-\x7e]+/g, ' ').slice(0, REASON_MAX))
  heads.set('Memoric-Subject', message.subject)
  heads.set('Memoric-Sequence', message.seq.toString())
  const id = `${options.stream}.${options.durable}.${message.seq}.${message.info.timestampNanos}`
  const subject = deadLetterSubject(options.durable, deadLetterName(message))
  await jetstream(connection).publish(subject, message.data, { msgID: id, headers: heads })
}

function retryDelay(message: JsMsg): number {
  return Math.min(LAST_RETRY_MS, RETRY_MS * 2 ** (message.info.deliveryCount - 1))
}
