import { uuid } from '@memoric/contracts/ids.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { requireNamespace, requireSubject } from '@memoric/service/caller-limits.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import { selectEditPage } from './edit-repository.ts'
import { openEdits } from './find-edit.ts'

type List = RouteTable['listEdits']

/**
 * A page of edits, newest first; without subject_id those of every subject that the caller may see.
 * Throws AppError `subject_not_allowed`, `namespace_not_allowed`, `consent_withdrawn`, `invalid_cursor`.
 */
export async function listEdits(deps: MemoryDeps, { query, context }: Call<List>): Promise<RouteOutput<List>> {
  const { caller } = context
  if (query.subject_id !== undefined) {
    requireSubject(caller, query.subject_id)
    await deps.keys.forReading(caller.tenantId, query.subject_id, requireProcessing)
  }
  if (query.namespace !== undefined) requireNamespace(caller, query.namespace)
  const beforeId = query.cursor === undefined ? null : decodeCursor(query.cursor, uuid)
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    selectEditPage(tx, caller.tenantId, query, beforeId),
  ])
  const page = rows.slice(0, query.limit)
  const items = await openEdits(deps, page)
  const last = rows.length > query.limit ? page.at(-1) : undefined
  const details = { subject_id: query.subject_id ?? null, count: items.length }
  deps.reads.record({ type: 'edit.read', context, resourceId: null, details })
  return { status: 200, body: { items, next_cursor: last === undefined ? null : encodeCursor(last.id) } }
}
