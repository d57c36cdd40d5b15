import type { Messaging } from './connect.ts'

/** Sends a value as JSON to whoever listens now. Nobody stores it. False when NATS is away. */
export function publishSignal(messaging: Messaging, subject: string, value: unknown): boolean {
  const connection = messaging.connection()
  if (connection === undefined) return false
  connection.publish(subject, JSON.stringify(value))
  return true
}

/** Calls `handle` with each value sent to `subject` (unchecked JSON), from now on and over reconnects. Returns what ends it. */
export function onSignal(
  messaging: Messaging,
  subject: string,
  handle: (value: unknown, subject: string) => void,
): () => void {
  const subscriptions = new Set<{ unsubscribe: () => void }>()
  const stop = messaging.onConnection((connection) => {
    const subscription = connection.subscribe(subject, {
      callback(error, message) {
        try {
          if (error !== null) throw error
          handle(message.json<unknown>(), message.subject)
        } catch (cause) {
          messaging.log.error({ err: cause, subject }, 'a signal could not be handled')
        }
      },
    })
    subscriptions.add(subscription)
  })
  return () => {
    stop()
    for (const subscription of subscriptions) subscription.unsubscribe()
  }
}

/**
 * Calls `handle` whenever signals may have been missed: with the first connection, and after each time that NATS was away. Returns
 * what ends it.
 */
export function onSignalsMissed(messaging: Messaging, handle: () => void): () => void {
  let stopped = false
  const call = () => {
    if (!stopped) handle()
  }
  const stop = messaging.onConnection((connection) => {
    call()
    void (async () => {
      for await (const { type } of connection.status()) if (type === 'reconnect') call()
    })()
  })
  return () => {
    stopped = true
    stop()
  }
}
