import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { z } from 'zod'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { findHandoff, withKeysOfHandoff } from './find-handoff.ts'
import { selectHandoffVersions } from './handoff-repository.ts'
import { handoffVersionView, openHandoff } from './handoff-row.ts'

type List = RouteTable['listHandoffVersions']

const MOST = 2_147_483_647
const cursorSchema = z.int().min(1).max(MOST)

/** Throws AppError `handoff_not_found`, `consent_withdrawn`, `invalid_cursor`. */
export async function listHandoffVersions(deps: MemoryDeps, call: Call<List>): Promise<RouteOutput<List>> {
  const { params, query, context } = call
  const before = query.cursor === undefined ? MOST : decodeCursor(query.cursor, cursorSchema)
  const row = await findHandoff(deps, context, params.id)
  const [rows] = await tenantFlight(deps.sql, scopeOf(context.caller), (tx) => [
    selectHandoffVersions(tx, row.tenant_id, row.id, before, query.limit + 1),
  ])
  const items = await withKeysOfHandoff(deps, row, (keys) =>
    rows.slice(0, query.limit).map((version) => handoffVersionView(version, openHandoff(keys, version))),
  )
  const last = rows.length > query.limit ? items.at(-1) : undefined
  const details = { subject_id: row.subject_id, count: items.length }
  deps.reads.record({ type: 'handoff.read', context, resourceId: row.id, details })
  return { status: 200, body: { items, next_cursor: last === undefined ? null : encodeCursor(last.version) } }
}
