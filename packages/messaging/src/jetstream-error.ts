import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream'

/** True when JetStream says that there is no such stream. */
export function isStreamMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound
}

const CONSUMER_EXISTS = 10_148

/** True when there is a consumer of this name with other settings (NATS before 2.10 changes them without a word). */
export function isConsumerDifferent(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === CONSUMER_EXISTS
}
