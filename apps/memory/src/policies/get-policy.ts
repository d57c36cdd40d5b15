import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { decodeCursor, encodeCursor } from '@memoric/service/cursor.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { z } from 'zod'
import { wholeTenant } from '../keys/subject-keys.ts'
import { TENANT_ITSELF } from '../keys/tenant-itself.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { NO_POLICY } from './policy.ts'
import { openPolicy } from './policy-box.ts'
import { type PolicyRow, selectPolicy, selectPolicyVersions } from './policy-repository.ts'
import { policyView } from './policy-view.ts'

type Get = RouteTable['getPolicy']
type List = RouteTable['listPolicyVersions']

const cursorSchema = z.strictObject({ before: z.int() })

export async function getPolicy(deps: MemoryDeps, { context }: Call<Get>): Promise<RouteOutput<Get>> {
  const { tenantId } = context.caller
  const [rows] = await tenantFlight(deps.sql, wholeTenant(tenantId), (tx) => [selectPolicy(tx, tenantId)])
  const [body = policyView(NO_POLICY)] = await viewsOf(deps, tenantId, rows)
  deps.reads.record({ type: 'policy.read', context, resourceId: tenantId, details: { version: body.version } })
  return { status: 200, body, headers: { etag: `"${body.version}"` } }
}

export async function listPolicyVersions(
  deps: MemoryDeps,
  { query: { cursor, limit }, context }: Call<List>,
): Promise<RouteOutput<List>> {
  const { tenantId } = context.caller
  const before = cursor === undefined ? null : decodeCursor(cursor, cursorSchema).before
  const [rows] = await tenantFlight(deps.sql, wholeTenant(tenantId), (tx) => [
    selectPolicyVersions(tx, tenantId, before, limit + 1),
  ])
  const items = await viewsOf(deps, tenantId, rows.slice(0, limit))
  const last = items.at(-1)
  const next = rows.length > limit && last !== undefined ? encodeCursor({ before: last.version }) : null
  const details = { versions: items.map(({ version }) => version) }
  deps.reads.record({ type: 'policy.read', context, resourceId: tenantId, details })
  return { status: 200, body: { items, next_cursor: next } }
}

async function viewsOf(deps: MemoryDeps, tenantId: string, rows: readonly PolicyRow[]) {
  if (rows.length === 0) return []
  return deps.keys.forReading(tenantId, TENANT_ITSELF, (keys) => {
    if (keys === null) throw new Error('a policy without a key')
    return rows.map((row) => policyView({ version: row.version, document: openPolicy(keys, row) }, row))
  })
}
