import type { ContextRequest } from '@memoric/contracts/context-contract.ts'
import type { Caller } from '@memoric/contracts/caller.ts'
import { findMemories, type FoundMemories } from '../search/find-memories.ts'
import type { OpenedMemory } from '../search/open-best.ts'
import type { MemoryDeps } from '../memory-deps.ts'

/** What may be told: memories of the thread that was named, and others, each best first. */
export interface FoundParts {
  readonly found: FoundMemories
  readonly thread: readonly OpenedMemory[]
  readonly related: readonly OpenedMemory[]
}

/** Most memories that one search gives. */
const MOST = 100

/** With a thread and without a scope of its own, a context has the related history of other threads, too. Throws as findMemories. */
export async function findParts(deps: MemoryDeps, caller: Caller, request: ContextRequest): Promise<FoundParts> {
  const { thread_id, scope, fallback } = request
  const found = await findMemories(deps, caller, request)
  const isOfThread = ({ memory }: OpenedMemory) => thread_id !== undefined && memory.thread_id === thread_id
  // What the policy of the tenant fell back to has it already.
  const isOnlyThread = found.scope === 'thread'
  const wantsRelated = thread_id !== undefined && scope === undefined && fallback === undefined && isOnlyThread
  const others = wantsRelated ? await findRelated(deps, caller, { ...request, top_k: found.topK }, isOfThread) : []
  const results = [...found.results, ...others]
  return {
    found,
    thread: results.filter(isOfThread),
    related: results.filter((each) => !isOfThread(each)),
  }
}

async function findRelated(
  deps: MemoryDeps,
  caller: Caller,
  request: ContextRequest & { readonly top_k: number },
  isOfThread: (found: OpenedMemory) => boolean,
): Promise<OpenedMemory[]> {
  const scope = request.topic === undefined ? 'subject' : 'topic'
  const { results } = await findMemories(deps, caller, { ...request, scope, fallback: [], top_k: MOST })
  return results.filter((each) => !isOfThread(each)).slice(0, request.top_k)
}
