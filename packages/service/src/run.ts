import type { FastifyInstance } from 'fastify'
import type { Closer } from './closer.ts'
import { createLogger, type Logger } from './logger.ts'
import type { SystemEvents } from './system-events.ts'

export interface RunOptions {
  readonly app: FastifyInstance
  readonly closer: Closer
  readonly host: string
  readonly port: number
  readonly log: Logger
  /** Tells the audit log that the process starts and stops. */
  readonly system?: SystemEvents
}

/** Longest time that a shutdown may take, ms; then the process ends with code 1. */
const SHUTDOWN_MS = 25_000

/**
 * How long a process idles before it ends, ms. `process.exit` waits for compilations in the background, and one that needs a garbage
 * collection waits for the main thread: neither ends (https://github.com/nodejs/node/issues/54918). What idles collects, and compiles nothing new.
 */
const IDLE_MS = 100

/** How long a process that could not start waits for what is still open, ms. */
const EXIT_MS = 2000

/** Listens, and on SIGTERM or SIGINT drains requests, closes everything in reverse order and ends the process. */
export async function run({ app, closer, host, port, log, system }: RunOptions): Promise<void> {
  let stopping = false
  const stop = (signal: string): void => {
    if (stopping) return
    stopping = true
    log.info({ signal }, 'stopping')
    setTimeout(() => process.exit(1), SHUTDOWN_MS).unref()
    void app
      .close()
      .then(() => system?.stopped())
      .then(() => closer.close())
      .then(() => {
        log.info('stopped')
        setTimeout(() => process.exit(0), IDLE_MS)
      })
  }
  process.on('SIGTERM', stop).on('SIGINT', stop)
  await app.listen({ host, port })
  await system?.started()
  // Loading the program leaves much garbage, which an idle process would keep. A collection as a last resort would give back more, and
  // compiled code with it: first searches took twice as long.
  globalThis.gc?.()
}

/** Runs `main` of an app; when it cannot start, says why in one log line and ends the process with code 1. */
export async function start(app: string, main: () => Promise<void>): Promise<void> {
  try {
    await main()
  } catch (error) {
    const log = createLogger({ app, level: 'info' })
    log.fatal({ err: error }, error instanceof Error ? error.message : 'cannot start')
    process.exitCode = 1
    setTimeout(() => process.exit(1), EXIT_MS).unref()
  }
}
