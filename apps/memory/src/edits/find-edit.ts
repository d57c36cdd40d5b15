import type { Edit } from '@memoric/contracts/edit-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import { selectEdit } from './edit-repository.ts'
import { type EditRow, editView, openEdit } from './edit-row.ts'

/** The edit with this id that the caller may see. Throws AppError `edit_not_found`. */
export async function findEdit(deps: MemoryDeps, { caller }: RequestContext, id: string): Promise<EditRow> {
  const [[row]] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectEdit(tx, caller.tenantId, id)])
  if (row === undefined) throw new AppError('edit_not_found')
  return row
}

/** Runs `work` with the keys of an edit's subject. Throws AppError `edit_not_found`, `consent_withdrawn`. */
export function withKeysOfEdit<R>(
  deps: MemoryDeps,
  row: Pick<EditRow, 'tenant_id' | 'subject_id'>,
  work: (keys: SubjectKeys) => R | Promise<R>,
): Promise<R> {
  return deps.keys.forReading(row.tenant_id, row.subject_id, (keys) => {
    if (keys === null) throw new AppError('edit_not_found')
    requireProcessing(keys)
    return work(keys)
  })
}

/** Opens rows of any subjects, in their order; those whose subject has no key any more, or has withdrawn consent, are left out. */
export async function openEdits(deps: MemoryDeps, rows: readonly EditRow[]): Promise<Edit[]> {
  const views = new Map<string, Edit>()
  for (const [subjectId, own] of Map.groupBy(rows, (row) => row.subject_id)) {
    const [first] = own
    if (first === undefined) continue
    await deps.keys.forReading(first.tenant_id, subjectId, (keys) => {
      if (keys === null || keys.isStopped) return
      for (const row of own) views.set(row.id, editView(row, openEdit(keys, row)))
    })
  }
  return rows.flatMap((row) => views.get(row.id) ?? [])
}
