import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream'

/** True when JetStream says that there is no such stream. */
export function isStreamMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound
}
