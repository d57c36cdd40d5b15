import type { Sql } from './client.ts'
import { deleteConfirmed } from './outbox-queue.ts'

export interface Confirmations {
  add: (eventIds: readonly string[]) => void
  /** Deletes what was confirmed until now, if the database lets it. */
  close: () => Promise<void>
}

const GATHER_MS = 50
const RETRY_MS = 2_000
const BATCH = 2_000
const WAITING_MAX = 100_000
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

/** Gathers confirmed event ids and deletes their rows in batches. What is lost here is published and confirmed again. */
export function createConfirmations(
  sql: Sql,
  log: { warn: (details: object, message: string) => void },
): Confirmations {
  let waiting: string[] = []
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined

  function add(eventIds: readonly string[]): void {
    if (waiting.length >= WAITING_MAX) return
    for (const id of eventIds) if (UUID.test(id)) waiting.push(id)
    if (waiting.length > 0 && running === undefined) timer ??= setTimeout(start, GATHER_MS)
  }

  function start(): void {
    timer = undefined
    running = flush().finally(() => {
      running = undefined
      if (waiting.length > 0) timer ??= setTimeout(start, RETRY_MS)
    })
  }

  async function flush(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, BATCH)
      try {
        await deleteConfirmed(sql, batch)
      } catch (error) {
        waiting = batch.concat(waiting)
        log.warn({ err: error, waiting: waiting.length }, 'confirmed events could not be removed from the outbox')
        return
      }
    }
  }

  async function close(): Promise<void> {
    await running
    await flush()
    clearTimeout(timer)
  }

  return { add, close }
}
