import type { Messaging } from '@memoric/messaging/connect.ts'
import type { EventIds } from './event-ids.ts'
import { openTenantTail, type TenantTail } from './tenant-tail.ts'

/** The tails of the tenants whom somebody listens to. */
export interface EventHub {
  /** The tail of a tenant; give it back with `release`. */
  use(tenantId: string): TenantTail
  release(tenantId: string): void
  close(): void
}

interface Entry {
  readonly tail: TenantTail
  users: number
  idle?: NodeJS.Timeout
}

/** How long a tail is kept that nobody uses, ms: clients come back. */
const LINGER_MS = 10_000

export function createEventHub(messaging: Messaging, ids: EventIds): EventHub {
  const entries = new Map<string, Entry>()

  function drop(tenantId: string, entry: Entry): void {
    entry.tail.close()
    entries.delete(tenantId)
  }

  return {
    use(tenantId) {
      const entry = entries.get(tenantId) ?? { tail: openTenantTail(messaging, ids, tenantId), users: 0 }
      entries.set(tenantId, entry)
      clearTimeout(entry.idle)
      entry.users += 1
      return entry.tail
    },
    release(tenantId) {
      const entry = entries.get(tenantId)
      if (entry === undefined) return
      entry.users -= 1
      if (entry.users === 0) entry.idle = setTimeout(() => drop(tenantId, entry), LINGER_MS).unref()
    },
    close() {
      for (const [tenantId, entry] of entries) {
        clearTimeout(entry.idle)
        drop(tenantId, entry)
      }
    },
  }
}
