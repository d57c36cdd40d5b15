import type { Capsule } from '@memoric/contracts/capsule-contract.ts'
import { uuid } from '@memoric/contracts/ids.ts'
import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { wholeTenant } from '../keys/subject-keys.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectCapsulePage } from './capsule-repository.ts'
import { type CapsuleRow, capsuleView } from './capsule-row.ts'
import { readerOf } from './find-capsule.ts'

type List = RouteTable['listCapsules']

/** A page of capsules for the caller, newest first. Throws AppError `invalid_cursor`. */
export async function listCapsules(deps: MemoryDeps, { query, context }: Call<List>): Promise<RouteOutput<List>> {
  const { caller } = context
  const beforeId = query.cursor === undefined ? null : decodeCursor(query.cursor, uuid)
  const [rows] = await tenantFlight(deps.sql, wholeTenant(caller.tenantId), (tx) => [
    selectCapsulePage(tx, caller.tenantId, readerOf(caller), beforeId, query.limit + 1),
  ])
  const page = rows.slice(0, query.limit)
  const items = await viewsOf(deps, page)
  const last = rows.length > query.limit ? page.at(-1) : undefined
  deps.reads.record({ type: 'capsule.read', context, resourceId: null, details: { count: items.length } })
  return { status: 200, body: { items, next_cursor: last === undefined ? null : encodeCursor(last.id) } }
}

/** In their order; those whose subject has no key any more, or has withdrawn consent, are left out. */
async function viewsOf(deps: MemoryDeps, rows: readonly CapsuleRow[]): Promise<Capsule[]> {
  const views = new Map<string, Capsule>()
  for (const [subjectId, own] of Map.groupBy(rows, (row) => row.subject_id)) {
    const [first] = own
    if (first === undefined) continue
    await deps.keys.forReading(first.tenant_id, subjectId, (keys) => {
      if (keys === null || keys.isStopped) return
      for (const row of own) views.set(row.id, capsuleView(keys, row))
    })
  }
  return rows.flatMap((row) => views.get(row.id) ?? [])
}
