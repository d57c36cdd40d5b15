import { setTimeout as sleep } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Messaging } from './connect.ts'
import { isNext, openReader, type StreamPlace, streamPlace } from './follow-events.ts'

export interface TailedMessage {
  /** Position in the stream. */
  readonly seq: number
  readonly data: Uint8Array
}

export interface TailOptions {
  readonly messaging: Messaging
  readonly user: string
  readonly subject: string
  /** Called with every message from now on, in order and without a gap, over restarts of NATS. */
  readonly onMessage: (message: TailedMessage) => void
  /** Called when the stream was made anew: what it holds follows. */
  readonly onReplaced: (place: StreamPlace) => void
}

export interface Tail {
  /** Resolves to the place after which messages are told. */
  readonly started: Promise<StreamPlace>
  /** Position of the message that was told last, or after which telling began. */
  readonly position: () => number
  readonly close: () => void
}

const RETRY_MS = 250
const MESSAGES_AHEAD = 500
const PULL_EXPIRES_MS = 10_000

/** Follows what is published on `subject` until closed. */
export function tailEvents({ messaging, user, subject, onMessage, onReplaced }: TailOptions): Tail {
  const closing = new AbortController()
  const isClosing = () => closing.signal.aborted
  const started = Promise.withResolvers<StreamPlace>()
  started.promise.catch(() => undefined)
  let known: StreamPlace | undefined
  let position = 0

  async function run(): Promise<void> {
    while (!isClosing()) {
      try {
        await followOn(await messaging.connected())
      } catch (error) {
        if (!isClosing()) messaging.log.info({ err: error, subject }, 'following events was interrupted')
      }
      await sleep(RETRY_MS, undefined, { signal: closing.signal }).catch(() => undefined)
    }
  }

  /** Returns, or throws, when it has to begin anew. */
  async function followOn(connection: NatsConnection): Promise<void> {
    const place = await streamPlace(connection)
    takePlace(place)
    const { consumer } = await openReader(connection, user, subject, position)
    const lost = Promise.withResolvers<undefined>()
    let count = 0
    const messages = await consumer.consume({
      max_messages: MESSAGES_AHEAD,
      expires: PULL_EXPIRES_MS,
      abort_on_missing_resource: true,
      callback(message) {
        if (isClosing() || !isNext(message, count)) {
          lost.resolve(undefined)
          return
        }
        count += 1
        position = message.seq
        onMessage(message)
      },
    })
    started.resolve(place)
    // What was sent while the connection was away is gone for this reader.
    void watchStatus(connection, () => lost.resolve(undefined))
    closing.signal.addEventListener('abort', () => lost.resolve(undefined), { once: true })
    await Promise.race([messages.closed(), lost.promise])
    await messages.close()
  }

  function takePlace(place: StreamPlace): void {
    const isReplaced = known !== undefined && (known.created !== place.created || place.last < position)
    if (known === undefined) position = place.last
    else if (isReplaced) position = known.created === place.created ? place.last : Math.max(0, place.first - 1)
    known = place
    if (isReplaced) onReplaced(place)
  }

  void run()
  return {
    started: started.promise,
    position: () => position,
    close() {
      closing.abort()
      started.reject(new Error('no longer followed'))
    },
  }
}

async function watchStatus(connection: NatsConnection, onAway: () => void): Promise<void> {
  for await (const { type } of connection.status()) {
    if (type !== 'disconnect' && type !== 'reconnect' && type !== 'close') continue
    onAway()
    return
  }
}
