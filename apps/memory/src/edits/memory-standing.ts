import type { Caller } from '@memoric/contracts/caller.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import type { SubjectPlace } from '../search/segment-repository.ts'
import type { Standing } from '../standing/standings.ts'

/** What edits leave of memories. */
export const memoryStanding: Standing = async (deps, caller, { tenantId }, ids) => {
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    tx<{ id: string; standing: number }[]>`
      select id, standing from memories where tenant_id = ${tenantId} and id = any (${[...ids]}::uuid[]) and standing < 1`,
  ])
  return new Map(rows.map(({ id, standing }) => [id, standing]))
}

/** Which of some memories, or of the records with their ids, anybody may have written. */
export async function untrustedOf(
  deps: MemoryDeps,
  caller: Caller,
  { tenantId }: SubjectPlace,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set()
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    tx<{ id: string }[]>`
      select id from memories where tenant_id = ${tenantId} and id = any (${[...ids]}::uuid[]) and trust = 0`,
  ])
  return new Set(rows.map(({ id }) => id))
}
