import { uuid } from '@memoric/contracts/ids.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { requireNamespace, requireSubject } from '@memoric/service/caller-limits.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { requireTierToRead } from '../policies/require-tier.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import { selectPage } from './memory-read-repository.ts'
import { openRows } from './open-rows.ts'

type List = RouteTable['listMemories']

/**
 * A page of memories, newest first; without subject_id those of every subject that the caller may see.
 * Throws AppError `subject_not_allowed`, `namespace_not_allowed`, `consent_withdrawn`, `rule_violated`.
 */
export async function listMemories(deps: MemoryDeps, { query, context }: Call<List>): Promise<RouteOutput<List>> {
  const { caller } = context
  if (query.subject_id !== undefined) {
    requireSubject(caller, query.subject_id)
    await deps.keys.forReading(caller.tenantId, query.subject_id, requireProcessing)
  }
  if (query.namespace !== undefined) requireNamespace(caller, query.namespace)
  await requireTierToRead(deps, caller.tenantId, query.tier, 'query/tier')
  const beforeId = query.cursor === undefined ? null : decodeCursor(query.cursor, uuid)
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    selectPage(tx, caller.tenantId, query, beforeId),
  ])
  const page = rows.slice(0, query.limit)
  const items: Memory[] = await openRows(deps, page)
  // Of the rows: the last of them may not be among the items.
  const last = rows.length > query.limit ? page.at(-1) : undefined
  deps.reads.record({
    type: 'memory.listed',
    context,
    resourceId: null,
    details: { subject_id: query.subject_id ?? null, count: items.length },
  })
  return { status: 200, body: { items, next_cursor: last === undefined ? null : encodeCursor(last.id) } }
}
