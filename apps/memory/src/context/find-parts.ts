import type { ContextRequest } from '@memoric/contracts/context-contract.ts'
import type { Caller } from '@memoric/contracts/caller.ts'
import { findMemories, type FoundMemories } from '../search/find-memories.ts'
import type { OpenedMemory } from '../search/open-best.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { standingOf } from '../standing/standings.ts'

/** What may be told: memories of the thread that was named, and others, each best first. */
export interface FoundParts {
  readonly found: FoundMemories
  readonly thread: readonly OpenedMemory[]
  readonly related: readonly OpenedMemory[]
  /** Memories that are not to be told. */
  readonly withheld: readonly string[]
}

/** Most memories that one search gives. */
const MOST = 100

/** With a thread and without a scope of its own, a context has the related history of other threads, too. Throws as findMemories. */
export async function findParts(deps: MemoryDeps, caller: Caller, request: ContextRequest): Promise<FoundParts> {
  const { thread_id, scope, fallback } = request
  const found = await findMemories(deps, caller, request)
  const isOfThread = ({ memory }: OpenedMemory) => thread_id !== undefined && memory.thread_id === thread_id
  const wantsRelated = thread_id !== undefined && scope === undefined && fallback === undefined
  const others = wantsRelated ? await findRelated(deps, caller, request, isOfThread) : []
  const results = [...found.results, ...others]
  const isTold = await toldOnes(deps, caller, results)
  const told = results.filter(({ memory }) => isTold(memory.id))
  return {
    found,
    thread: told.filter(isOfThread),
    related: told.filter((each) => !isOfThread(each)),
    withheld: results.flatMap(({ memory }) => (isTold(memory.id) ? [] : [memory.id])),
  }
}

async function findRelated(
  deps: MemoryDeps,
  caller: Caller,
  request: ContextRequest,
  isOfThread: (found: OpenedMemory) => boolean,
): Promise<OpenedMemory[]> {
  const scope = request.topic === undefined ? 'subject' : 'topic'
  const { results } = await findMemories(deps, caller, { ...request, scope, top_k: MOST })
  return results.filter((each) => !isOfThread(each)).slice(0, request.top_k)
}

async function toldOnes(
  deps: MemoryDeps,
  caller: Caller,
  results: readonly OpenedMemory[],
): Promise<(id: string) => boolean> {
  const withheld = new Set<string>()
  for (const [subjectId, own] of Map.groupBy(results, ({ memory }) => memory.subject_id)) {
    const ids = own.map(({ memory }) => memory.id)
    const standing = await standingOf(deps, caller, { tenantId: caller.tenantId, subjectId }, ids)
    for (const id of ids) if (standing(id) === 0) withheld.add(id)
  }
  return (id) => !withheld.has(id)
}
