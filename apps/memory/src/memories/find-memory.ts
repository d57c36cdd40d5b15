import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import { selectMemories } from './memory-read-repository.ts'
import type { MemoryRow } from './memory-row.ts'
import { lockSubjects, type SubjectLock } from './subject-lock-repository.ts'

/** The live memory with this id that the caller may see. Throws AppError `memory_not_found`. */
export async function findMemory(deps: MemoryDeps, { caller }: RequestContext, id: string): Promise<MemoryRow> {
  const [[row]] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectMemories(tx, caller.tenantId, [id])])
  if (row === undefined) throw new AppError('memory_not_found')
  return row
}

/** The same memory as it is now, with its subject locked, so that it stays so. Throws AppError `memory_not_found`, and as lockSubjects. */
export async function lockMemory(tx: Tx, { tenant_id, id }: MemoryRow, lock: SubjectLock): Promise<MemoryRow> {
  const [, [row]] = await Promise.all([lockSubjects(tx, tenant_id, [lock]), selectMemories(tx, tenant_id, [id])])
  if (row === undefined) throw new AppError('memory_not_found')
  return row
}

/** Runs `work` with the keys of the row's subject. Throws AppError `memory_not_found`, `consent_withdrawn`. */
export function withKeysOf<R>(
  deps: MemoryDeps,
  row: MemoryRow,
  work: (keys: SubjectKeys) => R | Promise<R>,
): Promise<R> {
  return deps.keys.forReading(row.tenant_id, row.subject_id, (keys) => {
    if (keys === null) throw new AppError('memory_not_found')
    requireProcessing(keys)
    return work(keys)
  })
}

/** Throws AppError `version_mismatch` when the caller expects another version. */
export function checkVersion({ version }: Pick<MemoryRow, 'version'>, expected: number | undefined): void {
  if (expected !== undefined && expected !== version) {
    throw new AppError('version_mismatch', { detail: `the current version is ${version}` })
  }
}
