import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { AppError } from '@memoric/service/app-error.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { SubjectKeys } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { openRow } from '../memories/memory-row.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import type { KindOfNote } from './note-kind.ts'
import { selectNote } from './note-repository.ts'
import type { NoteRow } from './note-row.ts'

/** The note of a kind with this id that the caller may see. Throws AppError `knowledge_not_found`, `decision_not_found`. */
export async function findNote<V>(
  deps: Pick<MemoryDeps, 'sql'>,
  { caller }: RequestContext,
  { kind, notFound }: KindOfNote<V>,
  id: string,
): Promise<NoteRow> {
  const [[row]] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectNote(tx, caller.tenantId, kind, id)])
  if (row === undefined) throw new AppError(notFound)
  return row
}

/** A note as callers see it. Throws AppError `consent_withdrawn`, and as findNote when its keys are gone. */
export function showNote<V>(deps: Pick<MemoryDeps, 'keys'>, kind: KindOfNote<V>, row: NoteRow): Promise<V> {
  return deps.keys.forReading(row.tenant_id, row.subject_id, (keys) => {
    if (keys === null) throw new AppError(kind.notFound)
    requireProcessing(keys)
    return viewOf(keys, kind, row)
  })
}

export function viewOf<V>(keys: SubjectKeys, kind: KindOfNote<V>, row: NoteRow): V {
  return kind.view(row, openRow(keys, row))
}
