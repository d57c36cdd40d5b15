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
}

interface Flight {
  readonly outcomes: (boolean | undefined)[]
  left: number
  done: () => void
}

/** The answers of one publisher's events arrive at one subscription: cheaper than a request for each. */
export function createEventPublisher(messaging: Messaging, options: PublisherOptions = {}): EventPublisher {
  const { inFlight = 512, timeoutMs = 5_000 } = options
  const flights = new Map<string, Flight>()
  const heads = headers()
  let inbox = ''
  let next = 0

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
    if (flight !== undefined) conclude(flight, Number(index), wasStored(message))
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
      connection.publish(event.subject, event.payload, { reply, headers: heads })
      return true
    } catch (error) {
      messaging.log.error({ err: error, eventId: event.id }, 'an event cannot be sent')
      return false
    }
  }

  return { publish }
}

const NO_RESPONDERS = 503

/** An answer is `{stream, seq}`, or `{error}`; without a stream on the subject it is an empty message of status 503. */
function wasStored(answer: Msg): boolean {
  if (answer.data.length === 0 || answer.headers?.code === NO_RESPONDERS) return false
  return answer.json<{ error?: unknown }>().error === undefined
}

/** The connection's own prefix, which its type does not show. */
function inboxPrefix(connection: NatsConnection): string | undefined {
  return (connection as unknown as { options: { inboxPrefix?: string } }).options.inboxPrefix
}
