import { DEAD_LETTER_STREAM, DEAD_LETTER_SUBJECTS, EVENT_STREAM, EVENT_SUBJECTS } from '@memoric/contracts/subjects.ts'
import { DiscardPolicy, jetstreamManager, RetentionPolicy, StorageType, type StreamConfig } from '@nats-io/jetstream'
import { nanos, type NatsConnection } from '@nats-io/transport-node'
import { isStreamMissing } from './jetstream-error.ts'

export interface StreamLimits {
  /** Largest size of the stream of events, bytes; beyond it events wait in their outboxes. */
  readonly eventBytes?: number
  readonly deadLetterBytes?: number
  readonly deadLetterDays?: number
  /** 1, or 3 on a cluster. */
  readonly replicas?: number
}

type StreamSettings = Partial<StreamConfig> & { name: string }

const DAY_MS = 24 * 60 * 60_000
const GIB = 1024 ** 3
const MESSAGE_BYTES_MAX = 512 * 1024

/** Settings of both streams. Only what NATS 2.9 knows. */
export function streamSettings({
  eventBytes = 4 * GIB,
  deadLetterBytes = GIB,
  deadLetterDays = 90,
  replicas = 1,
}: StreamLimits = {}): StreamSettings[] {
  const both = {
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    max_msg_size: MESSAGE_BYTES_MAX,
    duplicate_window: nanos(2 * 60_000),
    num_replicas: replicas,
    deny_delete: true,
  }
  return [
    {
      ...both,
      name: EVENT_STREAM,
      subjects: [EVENT_SUBJECTS],
      discard: DiscardPolicy.New,
      max_age: nanos(7 * DAY_MS),
      max_bytes: eventBytes,
    },
    {
      ...both,
      name: DEAD_LETTER_STREAM,
      subjects: [DEAD_LETTER_SUBJECTS],
      discard: DiscardPolicy.New,
      max_age: nanos(deadLetterDays * DAY_MS),
      max_bytes: deadLetterBytes,
    },
  ]
}

/** Creates the streams, or gives them their settings of today. Throws when NATS refuses or does not answer. */
export async function ensureStreams(connection: NatsConnection, limits: StreamLimits = {}): Promise<void> {
  const { streams } = await jetstreamManager(connection, { checkAPI: false })
  for (const settings of streamSettings(limits)) {
    try {
      await streams.update(settings.name, settings)
    } catch (error) {
      if (!isStreamMissing(error)) throw error
      await streams.add(settings)
    }
  }
}
