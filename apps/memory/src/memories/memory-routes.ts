import type { Handlers } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { createMemories } from './create-memories.ts'
import { createMemory } from './create-memory.ts'
import { deleteMemory } from './delete-memory.ts'
import { getMemory } from './get-memory.ts'
import { getMemoryHistory } from './get-memory-history.ts'
import { listMemories } from './list-memories.ts'
import { updateMemory } from './update-memory.ts'

type MemoryOperation =
  | 'createMemory'
  | 'createMemories'
  | 'listMemories'
  | 'getMemory'
  | 'updateMemory'
  | 'deleteMemory'
  | 'getMemoryHistory'

/** Handlers of the routes under /v1/memories but for search. */
export function memoryHandlers(deps: MemoryDeps): Pick<Handlers<'memory'>, MemoryOperation> {
  return {
    createMemory: (call) => createMemory(deps, call),
    createMemories: (call) => createMemories(deps, call),
    listMemories: (call) => listMemories(deps, call),
    getMemory: (call) => getMemory(deps, call),
    updateMemory: (call) => updateMemory(deps, call),
    deleteMemory: (call) => deleteMemory(deps, call),
    getMemoryHistory: (call) => getMemoryHistory(deps, call),
  }
}
