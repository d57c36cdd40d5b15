import type { Logger } from '@memoric/service/logger.ts'

/** That a key was used, and when (ms since the epoch). */
export interface KeyUsed {
  readonly tenantId: string
  readonly id: string
  readonly at: number
}

export interface KeyUseOptions {
  /** Stores the last use of each key. */
  readonly write: (used: readonly KeyUsed[]) => Promise<unknown>
  readonly log: Logger
  /** Ms between two writes. */
  readonly everyMs?: number
}

/** Remembers when keys were used and writes it in batches, so that no request waits for it. */
export interface KeyUse {
  mark(tenantId: string, id: string): void
  flush(): Promise<void>
  /** Writes what is left. */
  close(): Promise<void>
}

export function createKeyUse({ write, log, everyMs = 5000 }: KeyUseOptions): KeyUse {
  let marked = new Map<string, KeyUsed>()
  const flush = async (): Promise<void> => {
    if (marked.size === 0) return
    const batch = marked
    marked = new Map()
    try {
      await write([...batch.values()])
    } catch (error) {
      marked = new Map([...batch, ...marked])
      log.warn({ err: error, keys: batch.size }, 'last use of API keys not stored yet')
    }
  }
  const timer = setInterval(() => void flush(), everyMs).unref()
  return {
    mark: (tenantId, id) => void marked.set(id, { tenantId, id, at: Date.now() }),
    flush,
    close() {
      clearInterval(timer)
      return flush()
    },
  }
}
