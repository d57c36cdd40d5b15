import { EVENT_STREAM } from '@memoric/contracts/subjects.ts'
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager, type Consumer, type JsMsg } from '@nats-io/jetstream'
import { createInbox, nanos, type NatsConnection } from '@nats-io/transport-node'

/** Where the stream of events begins and ends now; both are 0 while it is empty and new. */
export interface StreamPlace {
  /** When it was made, RFC 3339: another time is another stream, which counts anew. */
  readonly created: string
  readonly first: number
  readonly last: number
}

/** A consumer that nobody else uses and that ends by itself when nobody asks it any more. */
export interface Reader {
  readonly consumer: Consumer
  /** Messages that wait for it. */
  readonly waiting: number
}

/** How long the server keeps a reader that nobody asks, ms. */
const INACTIVE_MS = 30_000

export async function streamPlace(connection: NatsConnection): Promise<StreamPlace> {
  const { streams } = await jetstreamManager(connection, { checkAPI: false })
  const { created, state } = await streams.info(EVENT_STREAM)
  return { created, first: state.first_seq, last: state.last_seq }
}

/** Makes a reader of the messages on `subject` after the place `after`. `user` begins its name, as permissions ask. */
export async function openReader(
  connection: NatsConnection,
  user: string,
  subject: string,
  after: number,
): Promise<Reader> {
  const name = `${user}_${createInbox().slice('_INBOX.'.length)}`
  const { consumers } = await jetstreamManager(connection, { checkAPI: false })
  const { num_pending: waiting } = await consumers.add(EVENT_STREAM, {
    name,
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: after + 1,
    filter_subject: subject,
    inactive_threshold: nanos(INACTIVE_MS),
    mem_storage: true,
    num_replicas: 1,
  })
  return { consumer: await jetstream(connection).consumers.get(EVENT_STREAM, name), waiting }
}

/** True when `message` is the one that a reader has to get after `count` others: nothing was lost on the way. */
export function isNext(message: JsMsg, count: number): boolean {
  return message.info.deliverySequence === count + 1
}
