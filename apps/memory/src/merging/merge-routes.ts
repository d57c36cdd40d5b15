import type { Handlers } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { getStrength } from '../strength/get-strength.ts'
import { findDuplicates } from './find-duplicates.ts'
import { mergeMemories } from './merge-memories.ts'

type Operation = 'findDuplicates' | 'mergeMemories' | 'getStrength'

/** Handlers of what is known of memories by others like them, and by their use. */
export function mergeHandlers(deps: MemoryDeps): Pick<Handlers<'memory'>, Operation> {
  return {
    findDuplicates: (call) => findDuplicates(deps, call),
    mergeMemories: (call) => mergeMemories(deps, call),
    getStrength: (call) => getStrength(deps, call),
  }
}
