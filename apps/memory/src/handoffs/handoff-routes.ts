import type { Handlers } from '@memoric/service/implement-routes.ts'
import type { MemoryDeps } from '../memory-deps.ts'
import { createHandoff } from './create-handoff.ts'
import { deleteHandoff } from './delete-handoff.ts'
import { getHandoff } from './get-handoff.ts'
import { getLastHandoff } from './get-last-handoff.ts'
import { listHandoffs } from './list-handoffs.ts'
import { listHandoffVersions } from './list-handoff-versions.ts'

type Operation =
  'createHandoff' | 'listHandoffs' | 'getLastHandoff' | 'getHandoff' | 'listHandoffVersions' | 'deleteHandoff'

/** Handlers of the routes under /v1/handoffs. */
export function handoffHandlers(deps: MemoryDeps): Pick<Handlers<'memory'>, Operation> {
  return {
    createHandoff: (call) => createHandoff(deps, call),
    listHandoffs: (call) => listHandoffs(deps, call),
    getLastHandoff: (call) => getLastHandoff(deps, call),
    getHandoff: (call) => getHandoff(deps, call),
    listHandoffVersions: (call) => listHandoffVersions(deps, call),
    deleteHandoff: (call) => deleteHandoff(deps, call),
  }
}
