import type { Caller } from '@memoric/contracts/caller.ts'
import type { Memory } from '@memoric/contracts/memory-contract.ts'
import { tenantFlight } from '@memoric/postgres/tenant-transaction.ts'
import { scopeOf } from '../caller-scope.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { selectFoundMemories } from '../memories/memory-read-repository.ts'
import type { MemoryRow } from '../memories/memory-row.ts'
import { openRows } from '../memories/open-rows.ts'
import { createPhraseCheck } from './check-phrases.ts'
import type { RankedMemory } from './ranking.ts'
import type { SearchPlan } from './search-plan.ts'

export interface OpenedMemory extends RankedMemory {
  readonly memory: Memory
  /** Whether its thread is archived. */
  readonly isArchived: boolean
}

/** Memories whose texts are read at a time where texts decide. */
const ROUND = 100

/** Reads and opens the best memories until there are as many as asked for; row security has the last word on each, and phrases on texts. */
export async function openBest(
  deps: MemoryDeps,
  plan: SearchPlan,
  best: readonly RankedMemory[],
): Promise<OpenedMemory[]> {
  const { query, request, caller } = plan
  const round = best.length > request.top_k ? ROUND : request.top_k
  const passes = createPhraseCheck(query)
  const found: OpenedMemory[] = []
  for (let at = 0; at < best.length && found.length < request.top_k; at += round) {
    const opened = await openSome(deps, caller, best.slice(at, at + round))
    found.push(...opened.filter(({ memory }) => passes(memory)))
  }
  return found.slice(0, request.top_k)
}

async function openSome(deps: MemoryDeps, caller: Caller, ranked: readonly RankedMemory[]): Promise<OpenedMemory[]> {
  const ids = ranked.map(({ id }) => id)
  const [rows] = await tenantFlight(deps.sql, scopeOf(caller), (tx) => [selectFoundMemories(tx, caller.tenantId, ids)])
  return openRanked(deps, ranked, rows)
}

/** The ranked memories whose rows are there and can be opened, in their order. */
export async function openRanked(
  deps: MemoryDeps,
  ranked: readonly RankedMemory[],
  rows: readonly MemoryRow[],
): Promise<OpenedMemory[]> {
  // A memory may have been withheld since the index took it in.
  const told = rows.filter(({ standing }) => standing > 0)
  const memories = new Map<string, Memory>((await openRows(deps, told)).map((memory) => [memory.id, memory]))
  const archived = new Set<string>(rows.filter((row) => row.is_archived === true).map(({ id }) => id))
  return ranked.flatMap((each) => {
    const memory = memories.get(each.id)
    return memory === undefined ? [] : [{ ...each, memory, isArchived: archived.has(each.id) }]
  })
}
