import type { Scope } from '@memoric/postgres/tenant-transaction.ts'

/** The scope of auth in a tenant: its tables know no subjects and namespaces. */
export function tenantScope(tenantId: string): Scope {
  return { tenantId, subjects: '*', namespaces: '*' }
}
