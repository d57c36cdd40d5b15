import { createHmac } from 'node:crypto'
import { PLATFORM_TENANT } from '@memoric/contracts/ids.ts'
import { API_VERSION } from '@memoric/contracts/version.ts'
import type { EventContext, EventFactory, OutboxEvent } from './event-factory.ts'
import type { Logger } from './logger.ts'
import { uuidV7 } from './uuid-v7.ts'

type Hashes = Readonly<Record<string, string>>

interface State {
  readonly configuration: Hashes
  readonly migrations: readonly string[]
}

/** Where an app keeps how it was started last (`createSystemStore` of packages/postgres). */
export interface StartStore {
  start(configuration: Hashes, tell: (before: State | null, now: State) => OutboxEvent[]): Promise<void>
  tell(events: readonly OutboxEvent[]): Promise<void>
}

export interface SystemEventsOptions {
  readonly app: string
  /** What the app was configured with; of its values only keyed hashes are kept. */
  readonly config: object
  /** 32 bytes. */
  readonly key: Uint8Array
  readonly events: EventFactory
  readonly store: StartStore
  readonly wakeRelay: () => void
  readonly log: Logger
}

/** Tells the log that a process starts and stops. Never rejects: nothing depends on it. */
export interface SystemEvents {
  started(): Promise<void>
  stopped(): Promise<void>
}

/** A shutdown does not wait longer for the database, ms. */
const LAST_WORDS_MS = 2_000

export function createSystemEvents(options: SystemEventsOptions): SystemEvents {
  const { app, config, key, events, store, wakeRelay, log } = options
  const context = systemContext(app)
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work()
      wakeRelay()
    } catch (error) {
      log.error({ err: error }, 'the log could not be told that this process starts or stops')
    }
  }
  const start = () =>
    store.start(hashValues(config, key), (before, now) => startEvents(events, app, context, before, now))
  let begun: Promise<void> | undefined

  /** Nothing stops before it has started. */
  async function stop(): Promise<void> {
    await begun
    if (begun !== undefined) await attempt(() => store.tell([stopEvent(events, app, context)]))
  }

  return {
    started: () => (begun ??= attempt(start)),
    async stopped() {
      const { promise: late, resolve } = Promise.withResolvers<undefined>()
      const timer = setTimeout(() => resolve(undefined), LAST_WORDS_MS)
      await Promise.race([stop(), late])
      clearTimeout(timer)
    },
  }
}

/** By the name of each variable an HMAC-SHA-256 of its value, base64: tells that it changed, and nothing else. */
export function hashValues(config: object, key: Uint8Array): Hashes {
  const entries = Object.entries(config).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries.map(([name, value]) => [name, hashValue(key, name, value)]))
}

function hashValue(key: Uint8Array, name: string, value: unknown): string {
  return createHmac('sha256', key)
    .update(`memoric/v1/configuration ${name} ${JSON.stringify(value)}`)
    .digest('base64')
}

/** What a start tells: migrations and variables that are others than at the last start, then the start itself. */
export function startEvents(
  events: EventFactory,
  app: string,
  context: EventContext,
  before: State | null,
  now: State,
): OutboxEvent[] {
  const about = { context, resourceId: app, statusCode: null }
  const migrated = now.migrations.filter((name) => before?.migrations.includes(name) !== true)
  const changed = before === null ? [] : changedNames(before.configuration, now.configuration)
  return [
    ...(migrated.length > 0 ? [events({ ...about, type: 'system.migrated', details: { migrations: migrated } })] : []),
    ...(changed.length > 0 ? [events({ ...about, type: 'system.configuration_changed', details: { changed } })] : []),
    events({ ...about, type: 'system.started', details: { version: API_VERSION, node: process.version } }),
  ]
}

export function stopEvent(events: EventFactory, app: string, context: EventContext): OutboxEvent {
  return events({ type: 'system.stopped', context, resourceId: app, statusCode: null })
}

/** Where the key of the hashes is another one they cannot be compared: it is then all that is named. */
function changedNames(before: Hashes, now: Hashes): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((name) => before[name] !== now[name])
  return names.includes('PERSONAL_DATA_KEY') ? ['PERSONAL_DATA_KEY'] : names.sort()
}

/** The context of what an app does by itself, in the tenant of the installation. */
export function systemContext(app: string): EventContext {
  return {
    caller: {
      tenantId: PLATFORM_TENANT,
      principal: { type: 'service', id: app },
      sessionId: null,
      permissions: [],
      subjects: [],
      namespaces: [],
      requestId: uuidV7(),
      clientAddress: '',
      userAgent: null,
    },
    endpoint: null,
    method: null,
    startedAt: performance.now(),
  }
}
