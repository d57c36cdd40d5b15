import type { Caller } from '@memoric/contracts/caller.ts'
import type { Scope } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'

/** Throws AppError `permission_denied` for a credential that is limited to subjects or namespaces. */
export function requireWholeTenant({ subjects, namespaces }: Caller): void {
  if (subjects === '*' && namespaces === '*') return
  throw new AppError('permission_denied', { detail: 'the log is that of the whole tenant, the credential is limited' })
}

export function wholeTenant(tenantId: string): Scope {
  return { tenantId, subjects: '*', namespaces: '*' }
}

/** By what was filtered, without the values: what somebody looked for may tell who it is about. */
export function filtersOf(query: Readonly<Record<string, unknown>>): string[] {
  const { limit: _limit, cursor: _cursor, order: _order, format: _format, ...filters } = query
  return Object.entries(filters).flatMap(([name, value]) => (value === undefined ? [] : name))
}
