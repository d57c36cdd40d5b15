import type { Caller } from '@memoric/contracts/caller.ts'
import type { Scope } from '@memoric/postgres/tenant-transaction.ts'

/** What the database lets a caller see: its tenant, and the subjects and namespaces of its credential. */
export function scopeOf({ tenantId, subjects, namespaces }: Caller): Scope {
  return { tenantId, subjects, namespaces }
}
