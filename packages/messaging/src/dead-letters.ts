import { createHash } from 'node:crypto'
import { DEAD_LETTER_STREAM, deadLetterSubject } from '@memoric/contracts/subjects.ts'
import { jetstreamManager } from '@nats-io/jetstream'
import type { Messaging } from './connect.ts'
import type { IncomingMessage } from './handle-batch.ts'
import { isStreamMissing } from './jetstream-error.ts'

/** SHA-256 of subject and payload: the same message is the same dead letter, however often it comes. */
export function deadLetterDigest({ subject, data }: Pick<IncomingMessage, 'subject' | 'data'>): Buffer {
  return createHash('sha256').update(subject).update('\0').update(data).digest()
}

/** Name of a dead letter in its stream. */
export function deadLetterName(message: Pick<IncomingMessage, 'subject' | 'data'>): string {
  return deadLetterDigest(message).toString('hex')
}

/**
 * Removes dead letters of `consumer` from their stream for good, by their digests, and those of versions that gave them no name: nobody
 * can tell which they are. Rejects when NATS is away.
 */
export async function purgeDeadLetters(
  messaging: Messaging,
  consumer: string,
  digests: readonly Uint8Array[],
): Promise<void> {
  const connection = messaging.connection()
  if (connection === undefined) throw new Error('NATS is away')
  const { streams } = await jetstreamManager(connection, { checkAPI: false })
  const names = [undefined, ...digests.map((digest) => Buffer.from(digest).toString('hex'))]
  for (const name of names) {
    const filter = deadLetterSubject(consumer, name)
    await streams.purge(DEAD_LETTER_STREAM, { filter }).catch((error: unknown) => {
      if (!isStreamMissing(error)) throw error
    })
  }
}
