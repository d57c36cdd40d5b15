import type { Handoff } from '@memoric/contracts/handoff-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import { selectHandoff } from './handoff-repository.ts'
import { type HandoffRow, handoffView, openHandoff } from './handoff-row.ts'

/** The handoff with this id that the caller may see. Throws AppError `handoff_not_found`. */
export async function findHandoff(deps: MemoryDeps, { caller }: RequestContext, id: string): Promise<HandoffRow> {
  const [[row]] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectHandoff(tx, caller.tenantId, id)])
  if (row === undefined) throw new AppError('handoff_not_found')
  return row
}

/** Runs `work` with the keys of a handoff's subject. Throws AppError `handoff_not_found`, `consent_withdrawn`. */
export function withKeysOfHandoff<R>(
  deps: MemoryDeps,
  row: HandoffRow,
  work: (keys: SubjectKeys) => R | Promise<R>,
): Promise<R> {
  return deps.keys.forReading(row.tenant_id, row.subject_id, (keys) => {
    if (keys === null) throw new AppError('handoff_not_found')
    requireProcessing(keys)
    return work(keys)
  })
}

export function viewOf(keys: SubjectKeys, row: HandoffRow): Handoff {
  return handoffView(row, openHandoff(keys, row))
}
