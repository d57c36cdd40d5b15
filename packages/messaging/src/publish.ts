import { hash } from 'node:crypto'
import { createInbox, headers, type Msg, type NatsConnection } from '@nats-io/transport-node'
import type { Messaging } from './connect.ts'

/** An event as it is sent. */
export interface OutgoingEvent {
  /** Message id: JetStream stores an id once within its duplicate window. */
  readonly id: string
  /** NATS subject, covered by a stream. */
  readonly subject: string
  readonly payload: string
}

export interface EventPublisher {
  /**
   * Publishes to JetStream, many at a time. Resolves to one outcome for each event, in order: true when it was stored (or had been
   * before). False when not, or when nobody knows: publish it again. Never rejects.
   */
  publish: (events: readonly OutgoingEvent[]) => Promise<boolean[]>
}

export interface PublisherOptions {
  /** Events on their way at once. */
  readonly inFlight?: number
  /** For the answers to `inFlight` events. */
  readonly timeoutMs?: number
  /** Called when the stream counts anew: what was stored in it before may be lost. */
  readonly onStreamLost?: () => void
}

/** What a stream takes of a larger event: enough to see what it was, so that it ends as a dead letter and not in the outbox for ever. */
const CUT_BYTES = 65_536
const LARGEST_BYTES = 393_216

interface Flight {
  readonly outcomes: (boolean | undefined)[]
  left: number
  done: () => void
}

/** The answers of one publisher's events arrive at one subscription: cheaper than a request for each. */
export function createEventPublisher(messaging: Messaging, options: PublisherOptions = {}): EventPublisher {
  const { inFlight = 512, timeoutMs = 5_000, onStreamLost } = options
  const flights = new Map<string, Flight>()
  const heads = headers()
  let inbox = ''
  let next = 0
  let lastSeq = 0

  messaging.onConnection((connection) => {
    inbox = createInbox(inboxPrefix(connection))
    connection.subscribe(`${inbox}.*.*`, {
      callback(error, message) {
        if (error === null) settle(message)
      },
    })
  })

  function settle(message: Msg): void {
    const [flightId = '', index = ''] = message.subject.slice(inbox.length + 1).split('.')
    const flight = flights.get(flightId)
    const answer = readAnswer(message)
    if (flight !== undefined) conclude(flight, Number(index), answer !== null)
    if (answer !== null && answer.duplicate !== true) follow(answer.seq)
  }

  /** Answers come in the order in which messages were stored. */
  function follow(seq: number): void {
    const isLost = seq < lastSeq
    lastSeq = seq
    if (isLost) onStreamLost?.()
  }

  function conclude(flight: Flight, index: number, stored: boolean): void {
    if (flight.outcomes[index] !== undefined) return
    flight.outcomes[index] = stored
    flight.left -= 1
    if (flight.left === 0) flight.done()
  }

  async function publish(events: readonly OutgoingEvent[]): Promise<boolean[]> {
    const outcomes: boolean[] = []
    for (let from = 0; from < events.length; from += inFlight) {
      outcomes.push(...(await send(events.slice(from, from + inFlight))))
    }
    return outcomes
  }

  async function send(events: readonly OutgoingEvent[]): Promise<boolean[]> {
    const connection = messaging.connection()
    if (connection === undefined) return events.map(() => false)
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const flight: Flight = {
      outcomes: new Array<boolean | undefined>(events.length),
      left: events.length,
      done: () => resolve(undefined),
    }
    const flightId = (next++).toString(36)
    flights.set(flightId, flight)
    const timer = setTimeout(flight.done, timeoutMs)
    events.forEach((event, index) => {
      if (!sendOne(connection, event, `${inbox}.${flightId}.${index}`)) conclude(flight, index, false)
    })
    await promise
    clearTimeout(timer)
    flights.delete(flightId)
    return events.map((_, index) => flight.outcomes[index] === true)
  }

  /** False when the event cannot be sent at all. */
  function sendOne(connection: NatsConnection, event: OutgoingEvent, reply: string): boolean {
    try {
      heads.set('Nats-Msg-Id', event.id)
      if (event.payload.length > LARGEST_BYTES / 3 && Buffer.byteLength(event.payload) > LARGEST_BYTES)
        sendCut(connection, event, reply)
      else connection.publish(event.subject, event.payload, { reply, headers: heads })
      return true
    } catch (error) {
      messaging.log.error({ err: error, eventId: event.id }, 'an event cannot be sent')
      return false
    }
  }

  function sendCut(connection: NatsConnection, { id, subject, payload }: OutgoingEvent, reply: string): void {
    const bytes = Buffer.from(payload)
    const cut = headers()
    cut.set('Nats-Msg-Id', id)
    cut.set('Memoric-Cut', `${bytes.length} bytes, SHA-256 ${hash('sha256', bytes)}`)
    connection.publish(subject, bytes.subarray(0, CUT_BYTES), { reply, headers: cut })
    messaging.log.error(
      { eventId: id, bytes: bytes.length },
      'an event is too large for the stream: its beginning is sent',
    )
  }

  return { publish }
}

const NO_RESPONDERS = 503

interface Stored {
  readonly seq: number
  readonly duplicate?: boolean
}

/** An answer is `{stream, seq}`, or `{error}`; without a stream on the subject it is an empty message of status 503. Null for none of the first. */
function readAnswer(answer: Msg): Stored | null {
  if (answer.data.length === 0 || answer.headers?.code === NO_RESPONDERS) return null
  const read = answer.json<Stored & { readonly error?: unknown }>()
  return read.error === undefined ? read : null
}

/** The connection's own prefix, which its type does not show. */
function inboxPrefix(connection: NatsConnection): string | undefined {
  return (connection as unknown as { options: { inboxPrefix?: string } }).options.inboxPrefix
}
