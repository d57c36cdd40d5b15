import { plainArray } from '@memoric/postgres/array-parameter.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { Sql } from '@memoric/postgres/client.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import type { Logger } from '@memoric/service/logger.ts'
import { wholeTenant } from '../keys/subject-keys.ts'

/** Counts how often searches find memories. */
export interface Uses {
  /** Notes that memories of a tenant were found; written within FLUSH_MS. */
  record(tenantId: string, memoryIds: readonly string[]): void
  /** Writes what is noted. */
  flush(): Promise<void>
  close(): Promise<void>
}

export interface UsesOptions {
  readonly sql: Sql
  readonly log: Logger
}

/** Longest time that a use waits in memory, ms: what a killed process can lose. */
const FLUSH_MS = 5000
/** Most memories that wait; more are not counted until these are written. */
const MAX_WAITING = 20_000
const BATCH = 1000

export function createUses({ sql, log }: UsesOptions): Uses {
  let waiting = new Map<string, Map<string, number>>()
  let size = 0
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()
  const flush = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    const noted = waiting
    waiting = new Map()
    size = 0
    writing = writing
      .then(() => write(sql, noted))
      .catch((error: unknown) => log.warn({ err: error }, 'uses of memories were not counted'))
    return writing
  }

  return {
    record(tenantId, memoryIds) {
      const counts = waiting.get(tenantId) ?? new Map<string, number>()
      waiting.set(tenantId, counts)
      for (const id of memoryIds) {
        if (!counts.has(id) && size >= MAX_WAITING) continue
        size += counts.has(id) ? 0 : 1
        counts.set(id, (counts.get(id) ?? 0) + 1)
      }
      timer ??= setTimeout(() => void flush(), FLUSH_MS).unref()
    },
    flush,
    close: flush,
  }
}

async function write(sql: Sql, noted: ReadonlyMap<string, ReadonlyMap<string, number>>): Promise<void> {
  for (const [tenantId, counts] of noted) {
    const entries = [...counts].sort(([one], [other]) => (one < other ? -1 : 1))
    for (let at = 0; at < entries.length; at += BATCH) {
      const some = entries.slice(at, at + BATCH)
      await tenantFlight(sql, wholeTenant(tenantId), (tx) => [addRecalls(tx, tenantId, some)])
    }
  }
}

/** Adds to the recalls of memories that are still there; in the order of their ids, so that no two writers wait for each other. */
function addRecalls(tx: Tx, tenantId: string, recalls: readonly (readonly [string, number])[]) {
  return tx`
    insert into memory_uses as u (tenant_id, subject_id, memory_id, recalls, last_recalled_at)
    select m.tenant_id, m.subject_id, m.id, r.recalls, now()
    from unnest(${plainArray(recalls.map(([id]) => id))}::uuid[],
      ${plainArray(recalls.map(([, count]) => count))}::int[]) as r (id, recalls)
    join memories m on m.tenant_id = ${tenantId} and m.id = r.id
    order by m.id for key share of m
    on conflict (tenant_id, memory_id) do update
    set recalls = u.recalls + excluded.recalls, last_recalled_at = excluded.last_recalled_at`
}
