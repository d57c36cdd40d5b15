import type { Handlers } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { consolidate, getConsolidation, listConsolidations } from './consolidate.ts'

type Operation = 'consolidate' | 'listConsolidations' | 'getConsolidation'

/** Handlers of the routes under /v1/consolidations. */
export function consolidationHandlers(deps: MemoryDeps): Pick<Handlers<'memory'>, Operation> {
  return {
    consolidate: (call) => consolidate(deps, call),
    listConsolidations: (call) => listConsolidations(deps, call),
    getConsolidation: (call) => getConsolidation(deps, call),
  }
}
