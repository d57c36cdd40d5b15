import type { Memory } from '@memoric/contracts/memory-contract.ts'
import { QUOTAS, type QuotaName } from '@memoric/contracts/quota-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import type { RequestContext } from '@memoric/service/request-context.ts'
import { scopeOf } from '../caller-scope.ts'
import type { KeptItem, KeptRequest } from '../idempotency/idempotency-repository.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectAsWritten } from './memory-read-repository.ts'
import { openRows } from './open-rows.ts'
import type { WriteResult } from './write-memories.ts'

/** What an item of a request did, or the id of a memory that is not there any more, or that the caller may not see any more. */
export type RepeatedResult = WriteResult | { readonly gone: string }

/** What a request did, item by item, with each memory as it was then. */
export async function answersAgain(
  deps: MemoryDeps,
  { caller }: RequestContext,
  { items }: KeptRequest,
): Promise<RepeatedResult[]> {
  const written = new Map(items.flatMap((item) => ('refused' in item ? [] : [[item.id, item.version] as const])))
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [
    selectAsWritten(tx, caller.tenantId, [...written.keys()], [...written.values()]),
  ])
  const memories = new Map<string, Memory>((await openRows(deps, rows)).map((memory) => [memory.id, memory]))
  return items.map((item) => ('refused' in item ? { refused: quotaOf(item.refused) } : asWritten(memories, item)))
}

function asWritten(memories: ReadonlyMap<string, Memory>, { id, count, made }: KeptItem): RepeatedResult {
  const memory = memories.get(id)
  return memory === undefined ? { gone: id } : { memory: { ...memory, seen_count: count }, made }
}

function quotaOf(name: string): QuotaName {
  const quota = QUOTAS.find((known) => known === name)
  if (quota === undefined) throw new Error('a refusal that is none')
  return quota
}
