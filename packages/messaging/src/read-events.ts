import type { NatsConnection } from '@nats-io/transport-node'
import { isNext, openReader } from './follow-events.ts'
import type { TailedMessage } from './tail-events.ts'

export interface ReadOptions {
  readonly user: string
  readonly subject: string
  /** Messages after this place are read. */
  readonly after: number
  /** Asked whenever nothing is left: whether that is the end, or something new is on its way. */
  readonly isEnd: (position: number) => boolean
}

const BATCH = 200
const WAIT_MS = 1_000

/** Reads what the stream keeps on `subject`, as fast as it is asked for, until `isEnd`. Throws when something was lost on the way. */
export async function* readEvents(
  connection: NatsConnection,
  { user, subject, after, isEnd }: ReadOptions,
): AsyncGenerator<TailedMessage> {
  const { consumer, waiting } = await openReader(connection, user, subject, after)
  let [position, left, count] = [after, waiting, 0]
  while (left > 0 || !isEnd(position)) {
    const messages = await consumer.fetch({ max_messages: Math.min(Math.max(left, 1), BATCH), expires: WAIT_MS })
    left = 0
    for await (const message of messages) {
      if (!isNext(message, count)) throw new Error('a message was lost on its way')
      count += 1
      position = message.seq
      left = message.info.pending
      yield message
    }
  }
}
