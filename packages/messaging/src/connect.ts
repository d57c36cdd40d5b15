import { setTimeout as sleep } from 'node:timers/promises'
import { connect, errors, type NatsConnection, type Status } from '@nats-io/transport-node'

/** What messaging tells; pino fits. */
export interface MessagingLog {
  info: (details: object, message: string) => void
  warn: (details: object, message: string) => void
  error: (details: object, message: string) => void
}

export interface MessagingOptions {
  /** `nats://host:port`, or several of them separated by commas; `tls://` at one refuses every server without TLS. */
  readonly servers: string
  readonly user: string
  readonly pass: string
  /** Shown in the server's list of connections. */
  readonly name: string
  readonly log: MessagingLog
}

/** A connection to NATS that is made, and made again, in the background. */
export interface Messaging {
  readonly log: MessagingLog
  /** The connection while it is up; undefined while NATS is away. */
  connection: () => NatsConnection | undefined
  /** The connection, as soon as there is one. Rejects once closed. */
  connected: () => Promise<NatsConnection>
  /** Calls `listener` with the connection of now, and with each that takes its place later; subscribe in it. */
  onConnection: (listener: (connection: NatsConnection) => void) => () => void
  /** True while connected, and as long as the server refused nothing: a refusal means that permissions are wrong. */
  isHealthy: () => boolean
  /** Sends what is waiting, lets subscriptions finish, and closes (at the latest after `timeoutMs`). */
  close: (timeoutMs?: number) => Promise<void>
}

const RETRY_MS = 500
const REQUEST_TIMEOUT_MS = 5_000
const PING_MS = 5_000

/** Returns at once. Answers arrive under `_INBOX_<user>`, where only this user may listen. */
export function connectMessaging(options: MessagingOptions): Messaging {
  const { log } = options
  const listeners = new Set<(connection: NatsConnection) => void>()
  const closing = new AbortController()
  let current: NatsConnection | undefined
  let up = false
  let refused = false
  let waiting = Promise.withResolvers<NatsConnection>()
  waiting.promise.catch(() => undefined)

  const isClosing = () => closing.signal.aborted

  async function stayConnected(): Promise<void> {
    for (let attempt = 0; !isClosing(); attempt += 1) {
      try {
        await useConnection(await connect(natsOptions(options)))
      } catch (error) {
        if (attempt % 20 === 0) log.warn({ err: error }, 'NATS cannot be reached yet')
      }
      await sleep(RETRY_MS * (0.5 + Math.random()), undefined, { signal: closing.signal }).catch(() => undefined)
    }
  }

  /** Resolves when this connection is closed for good. */
  async function useConnection(connection: NatsConnection): Promise<void> {
    if (isClosing()) return connection.close()
    current = connection
    up = true
    log.info({ server: connection.getServer() }, 'connected to NATS')
    waiting.resolve(connection)
    for (const listener of listeners) listener(connection)
    for await (const status of connection.status()) follow(status)
    up = false
    current = undefined
    waiting = Promise.withResolvers<NatsConnection>()
    waiting.promise.catch(() => undefined)
    if (isClosing()) waiting.reject(closed())
  }

  function follow(status: Status): void {
    if (status.type === 'disconnect' || status.type === 'staleConnection') {
      if (up) log.warn({ type: status.type }, 'disconnected from NATS')
      up = false
    } else if (status.type === 'reconnect') {
      up = true
      log.info({ server: status.server }, 'connected to NATS again')
    } else if (status.type === 'error') {
      if (status.error instanceof errors.PermissionViolationError) refused = true
      log.error({ err: status.error }, 'NATS reports an error')
    } else if (status.type === 'slowConsumer') {
      log.warn({ pending: status.pending }, 'a subscription falls behind')
    }
  }

  async function close(timeoutMs = 5_000): Promise<void> {
    closing.abort()
    waiting.reject(closed())
    const connection = current
    if (connection === undefined || connection.isClosed()) return
    const patience = AbortSignal.timeout(timeoutMs)
    const expired = new Promise<void>((resolve) => patience.addEventListener('abort', () => resolve(), { once: true }))
    if (up) await Promise.race([connection.drain().catch(() => undefined), expired])
    await connection.close()
  }

  void stayConnected()
  return {
    log,
    connection: () => (up ? current : undefined),
    connected: () => waiting.promise,
    onConnection(listener) {
      listeners.add(listener)
      if (current !== undefined) listener(current)
      return () => listeners.delete(listener)
    },
    isHealthy: () => up && !refused,
    close,
  }
}

function natsOptions({ servers, user, pass, name }: MessagingOptions) {
  return {
    servers: servers.split(','),
    user,
    pass,
    name,
    inboxPrefix: `_INBOX_${user}`,
    timeout: REQUEST_TIMEOUT_MS,
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RETRY_MS,
    reconnectJitter: RETRY_MS,
    reconnectJitterTLS: RETRY_MS,
    ignoreAuthErrorAbort: true,
    pingInterval: PING_MS,
    maxPingOut: 2,
    noAsyncTraces: true,
    ...(servers.toLowerCase().includes('tls://') && { tls: {} }),
  }
}

function closed(): Error {
  return new Error('messaging is closed')
}
