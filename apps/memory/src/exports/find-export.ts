import type { Caller } from '@memoric/contracts/caller.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { type ExportRow, selectExport } from './export-repository.ts'

/** An export that the caller may see. Throws AppError `export_not_found`, `namespace_not_allowed`. */
export async function findExport({ sql }: MemoryDeps, caller: Caller, id: string): Promise<ExportRow> {
  requireEveryNamespace(caller)
  const [[row]] = await tenantFlight(sql, scopeOf(caller), (tx) => [selectExport(tx, caller.tenantId, id)])
  if (row === undefined) throw new AppError('export_not_found')
  return row
}

/** An export holds every namespace of a subject. Throws AppError `namespace_not_allowed` for a caller who may not see them all. */
export function requireEveryNamespace({ namespaces }: Caller): void {
  if (namespaces === '*') return
  throw new AppError('namespace_not_allowed', { detail: 'an export has every namespace of its subjects' })
}
