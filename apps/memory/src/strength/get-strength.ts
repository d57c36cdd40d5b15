import type { RouteOutput } from '@memoric/contracts/route.ts'
import type { RouteTable } from '@memoric/contracts/route-table.ts'
import type { Tx } from '@memoric/postgres/lease.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { Call } from '@memoric/service/implement-routes.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { findMemory, withKeysOf } from '../memories/find-memory.ts'
import { tidyImportance } from '../memories/memory-row.ts'
import { strengthOf } from './strength.ts'

type Get = RouteTable['getStrength']

/** Throws AppError `memory_not_found`, `consent_withdrawn`. */
export async function getStrength(deps: MemoryDeps, { params, context }: Call<Get>): Promise<RouteOutput<Get>> {
  const { caller } = context
  const row = await findMemory(deps, context, params.id)
  await withKeysOf(deps, row, () => undefined)
  const [[use], { countsRecalls }] = await Promise.all([
    tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectUse(tx, caller.tenantId, row.id)]).then(([rows]) => rows),
    deps.policies.of(caller.tenantId),
  ])
  const { recalls = 0, last_recalled_at: recalledAt } = use ?? {}
  const lastUsedAt = recalledAt !== undefined && recalledAt > row.occurred_at ? recalledAt : row.occurred_at
  const { importance, seen_count: seenCount } = row
  const { value, halfLifeDays, uses } = strengthOf({ importance, seenCount, recalls, lastUsedAt }, deps.now())
  const details = { subject_id: row.subject_id }
  deps.reads.record({ type: 'memory.read', context, resourceId: row.id, details })
  return {
    status: 200,
    body: {
      memory_id: row.id,
      strength: value,
      half_life_days: tidyImportance(halfLifeDays),
      uses,
      seen_count: seenCount,
      recalls,
      recalls_counted: countsRecalls,
      last_used_at: lastUsedAt.toISOString(),
      importance: tidyImportance(importance),
    },
  }
}

function selectUse(tx: Tx, tenantId: string, memoryId: string) {
  return tx<{ recalls: number; last_recalled_at: Date }[]>`
    select recalls::float8 as recalls, last_recalled_at from memory_uses
    where tenant_id = ${tenantId} and memory_id = ${memoryId}`
}
