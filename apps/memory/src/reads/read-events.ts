import type { Sql } from '@memoric/postgres/client.ts'
import { outboxInsert } from '@memoric/postgres/outbox.ts'
import type { OutboxRelay } from '@memoric/postgres/outbox-relay.ts'
import { systemFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { EventFactory, EventInput, OutboxEvent } from '@memoric/service/event-factory.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { toldRead } from './told-read.ts'

export type ReadEvent = Omit<EventInput, 'statusCode' | 'outcome'>

export interface ReadEvents {
  /** Notes a read, as the tenant has chosen (`audit_reads`); its event is written within FLUSH_MS. */
  record(input: ReadEvent): void
  /** Writes what is noted and stops. */
  close(): Promise<void>
}

export interface ReadEventsOptions {
  readonly sql: Sql
  readonly relay: OutboxRelay
  readonly events: EventFactory
  readonly log: Logger
}

/** Longest time that the event of a read waits in memory, ms: what a killed process can lose. */
const FLUSH_MS = 100
const BATCH = 500
/** Most events kept while the database is away; then the oldest go, and the log says how many. */
const MAX_WAITING = 20_000

/** Collects the events of reads, so that a read costs no transaction of its own. */
export function createReadEvents({ sql, relay, events, log }: ReadEventsOptions): ReadEvents {
  let waiting: OutboxEvent[] = []
  let timer: NodeJS.Timeout | undefined
  let flushing: Promise<void> = Promise.resolve()

  return {
    record(input) {
      const told = toldRead(input)
      if (told === null) return
      waiting.push(events({ ...told, statusCode: 200 }))
      if (waiting.length >= BATCH) flush()
      else timer ??= setTimeout(flush, FLUSH_MS)
    },
    async close() {
      flush()
      await flushing
    },
  }

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    flushing = flushing.then(write)
  }

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, BATCH)
      try {
        await systemFlight(sql, (tx) => [outboxInsert(tx, batch)])
        relay.wake()
      } catch (error) {
        keep(batch, error)
        return
      }
    }
  }

  function keep(batch: OutboxEvent[], error: unknown): void {
    const kept = [...batch, ...waiting]
    const lost = Math.max(0, kept.length - MAX_WAITING)
    waiting = kept.slice(lost)
    timer ??= setTimeout(flush, FLUSH_MS * 10)
    log.warn({ err: error, waiting: waiting.length, lost }, 'events of reads could not be written yet')
  }
}
