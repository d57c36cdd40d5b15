import type { Edge } from '@memoric/contracts/edge-contract.ts'
import { edgeId } from '@memoric/contracts/ids.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { requireSubject } from '@memoric/service/caller-limits.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { findMemory } from '../memories/find-memory.ts'
import { requireProcessing } from '../privacy/consent-rules.ts'
import { selectEdges } from './edge-repository.ts'
import { openEdges } from './open-edges.ts'

type List = RouteTable['listEdges']
type ListOfMemory = RouteTable['listEdgesOfMemory']

/** Throws AppError `subject_not_allowed`, `consent_withdrawn`, `invalid_cursor`. */
export async function listEdges(deps: MemoryDeps, { query, context }: Call<List>): Promise<RouteOutput<List>> {
  const { subject_id: subjectId, type } = query
  if (subjectId !== undefined) {
    requireSubject(context.caller, subjectId)
    await deps.keys.forReading(context.caller.tenantId, subjectId, requireProcessing)
  }
  const body = await readPage(deps, context, query, { subjectId, type })
  const details = { subject_id: subjectId ?? null, count: body.items.length }
  deps.reads.record({ type: 'edge.read', context, resourceId: null, details })
  return { status: 200, body }
}

/** Throws AppError `memory_not_found`, `consent_withdrawn`, `invalid_cursor`. */
export async function listEdgesOfMemory(
  deps: MemoryDeps,
  { params, query, context }: Call<ListOfMemory>,
): Promise<RouteOutput<ListOfMemory>> {
  const memory = await findMemory(deps, context, params.id)
  await deps.keys.forReading(memory.tenant_id, memory.subject_id, requireProcessing)
  const { type, direction } = query
  const body = await readPage(deps, context, query, { memoryId: memory.id, type, direction })
  const details = { subject_id: memory.subject_id, memory_id: memory.id, count: body.items.length }
  deps.reads.record({ type: 'edge.read', context, resourceId: null, details })
  return { status: 200, body }
}

type Which = Omit<Parameters<typeof selectEdges>[2], 'before' | 'limit'>

async function readPage(
  deps: MemoryDeps,
  { caller }: RequestContext,
  { cursor, limit }: { readonly cursor?: string | undefined; readonly limit: number },
  which: Which,
): Promise<{ items: Edge[]; next_cursor: string | null }> {
  const before = cursor === undefined ? null : decodeCursor(cursor, edgeId)
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    selectEdges(tx, caller.tenantId, { ...which, before, limit: limit + 1 }),
  ])
  const page = rows.slice(0, limit)
  // Of the rows: the last of them may not be among the items.
  const last = rows.length > limit ? page.at(-1) : undefined
  return { items: await openEdges(deps, page), next_cursor: last === undefined ? null : encodeCursor(last.id) }
}
